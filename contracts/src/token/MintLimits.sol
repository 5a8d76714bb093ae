// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Roles} from "./Roles.sol";

/// @title How much may be minted: an allowance for each minter, a cap for each UTC day, and a switch.
/// @dev Default deny: allowance and cap are zero until the admin sets both, so a new role alone mints nothing.
abstract contract MintLimits is Roles {
    /// @dev One storage slot, so that the cap costs a mint one write.
    struct MintDay {
        uint96 cap;
        uint96 minted;
        uint32 number; // of the day that `minted` is about, in days since 1970-01-01 UTC
        bool paused;
    }

    MintDay private _mintDay;

    /// @notice How much a minter can still mint before the admin raises it again, in wei.
    mapping(address minter => uint256 amount) public minterAllowance;

    /// @notice A minter's allowance was set or raised by the admin, or fell to zero with its role.
    /// @param minter Whose.
    /// @param amount What it is now, in wei.
    event MinterAllowanceSet(address indexed minter, uint256 amount);

    /// @notice The cap of all minters together, per UTC day, was set.
    /// @param cap What it is now, in wei.
    event DailyMintCapSet(uint256 cap);

    /// @notice Minting was stopped.
    /// @param by Who stopped it.
    event MintingStopped(address indexed by);

    /// @notice Minting was started again.
    /// @param by Who started it.
    event MintingResumed(address indexed by);

    /// @notice Minting is stopped.
    error MintingPaused();

    /// @notice The minter may not mint that much without the admin.
    /// @param minter Who tried.
    /// @param allowance How much it can still mint, in wei.
    /// @param amount How much it tried to, in wei.
    error MinterAllowanceExceeded(address minter, uint256 allowance, uint256 amount);

    /// @notice All minters together may not mint that much today.
    /// @param left How much can still be minted today, in wei.
    /// @param amount How much was to be minted, in wei.
    error DailyMintCapExceeded(uint256 left, uint256 amount);

    /// @notice Sets what a minter can still mint. To top up a minter at work use `raiseMinterAllowance`: a mint that
    /// gets in before this call would be forgotten.
    /// @param minter Whose allowance.
    /// @param amount What it shall be, in wei.
    function setMinterAllowance(address minter, uint256 amount) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setMinterAllowance(minter, amount);
    }

    /// @notice Raises what a minter can still mint.
    /// @param minter Whose allowance.
    /// @param by By how much, in wei.
    function raiseMinterAllowance(address minter, uint256 by) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setMinterAllowance(minter, minterAllowance[minter] + by);
    }

    /// @notice Sets the cap of all minters together, per UTC day. What was minted today counts against the new one.
    /// @param cap What it shall be, in wei; zero: nobody mints.
    function setDailyMintCap(uint96 cap) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _mintDay.cap = cap;
        emit DailyMintCapSet(cap);
    }

    /// @notice Stops minting, at once.
    function pauseMinting() external onlyRole(PAUSER_ROLE) {
        _mintDay.paused = true;
        emit MintingStopped(_msgSender());
    }

    /// @notice Starts minting again.
    function unpauseMinting() external onlyRole(DEFAULT_ADMIN_ROLE) {
        _mintDay.paused = false;
        emit MintingResumed(_msgSender());
    }

    /// @notice Whether minting is stopped.
    /// @return Whether it is.
    function mintingPaused() external view returns (bool) {
        return _mintDay.paused;
    }

    /// @notice The cap of all minters together, per UTC day.
    /// @return The cap, in wei.
    function dailyMintCap() external view returns (uint256) {
        return _mintDay.cap;
    }

    /// @notice What all minters together have minted since 00:00 UTC.
    /// @return How much, in wei.
    function mintedToday() external view returns (uint256) {
        // slither-disable-next-line incorrect-equality (a day's number, which nobody can be one off with)
        return _mintDay.number == _today() ? _mintDay.minted : 0;
    }

    /// @dev Takes a mint out of its minter's allowance and out of today's cap, or reverts.
    function _spendMintLimits(address minter, uint256 amount) internal {
        MintDay memory day = _mintDay;
        if (day.paused) revert MintingPaused();

        uint256 allowance = minterAllowance[minter];
        if (amount > allowance) revert MinterAllowanceExceeded(minter, allowance, amount);

        // slither-disable-next-line incorrect-equality (as in mintedToday)
        uint256 minted = day.number == _today() ? day.minted : 0;
        uint256 left = day.cap > minted ? day.cap - minted : 0; // the cap may have been lowered below what was minted
        if (amount > left) revert DailyMintCapExceeded(left, amount);

        minterAllowance[minter] = allowance - amount;
        _mintDay = MintDay(day.cap, uint96(minted + amount), _today(), false); // both fit: minted + amount ≤ cap
    }

    /// @dev A minter that loses its role loses its allowance: given the role again, it starts from zero.
    function _revokeRole(bytes32 role, address account) internal virtual override returns (bool) {
        if (role == MINTER_ROLE) _setMinterAllowance(account, 0);
        return super._revokeRole(role, account);
    }

    function _setMinterAllowance(address minter, uint256 amount) private {
        minterAllowance[minter] = amount;
        emit MinterAllowanceSet(minter, amount);
    }

    function _today() private view returns (uint32) {
        return uint32(block.timestamp / 1 days);
    }
}
