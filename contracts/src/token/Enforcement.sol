// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC7943Fungible} from "../interfaces/IERC7943Fungible.sol";
import {Roles} from "./Roles.sol";

/// @title What the law may ask of a security: freezing, forced transfers, and a stop of all transfers.
/// @dev ERC-7943's names. An account whose frozen amount is the largest number is frozen as an address: it neither
/// sends nor receives. Freezing and forced transfers need a case id, so the standard's own two functions, which have no
/// room for one, always revert; integrators need its views, and those are complete.
abstract contract Enforcement is ERC20, Roles, IERC7943Fungible {
    /// @notice The frozen amount that freezes an address as a whole.
    uint256 public constant WHOLE_ADDRESS = type(uint256).max;

    mapping(address account => uint256 amount) private _frozen;

    /// @notice Whether holders' transfers and burns are stopped. Forced transfers are not.
    bool public transfersPaused;

    /// @notice The frozen amount of an account was set under a case.
    /// @param caseId Our case.
    /// @param account Whose tokens.
    /// @param amount How many of them are frozen now, in wei.
    event FrozenUnderCase(bytes32 indexed caseId, address indexed account, uint256 amount);

    /// @notice Tokens were moved without their holder's consent, under a case.
    /// @param caseId Our case.
    /// @param from Who held them.
    /// @param to Who holds them now.
    /// @param amount How many, in wei.
    event ForcedTransferUnderCase(bytes32 indexed caseId, address indexed from, address indexed to, uint256 amount);

    /// @notice Transfers and burns were stopped.
    /// @param by Who stopped them.
    event TransfersStopped(address indexed by);

    /// @notice Transfers and burns were started again.
    /// @param by Who started them.
    event TransfersResumed(address indexed by);

    /// @notice Freezing and forced transfers must name a case.
    error CaseIdMissing();

    /// @notice Transfers and burns are stopped.
    error TransfersPaused();

    /// @notice Stops transfers and burns, at once.
    function pauseTransfers() external onlyRole(PAUSER_ROLE) {
        transfersPaused = true;
        emit TransfersStopped(_msgSender());
    }

    /// @notice Starts transfers and burns again.
    function unpauseTransfers() external onlyRole(DEFAULT_ADMIN_ROLE) {
        transfersPaused = false;
        emit TransfersResumed(_msgSender());
    }

    /// @notice Sets (not: adds to) how many tokens of an account are frozen.
    /// @param account Whose tokens.
    /// @param amount How many, in wei; may exceed the balance; WHOLE_ADDRESS freezes the address.
    /// @param caseId Our case; not zero.
    /// @return True; a failure reverts.
    function setFrozenTokens(address account, uint256 amount, bytes32 caseId)
        external
        onlyRole(COMPLIANCE_ROLE)
        returns (bool)
    {
        if (caseId == 0) revert CaseIdMissing();
        _setFrozen(account, amount);
        emit FrozenUnderCase(caseId, account, amount);
        return true;
    }

    /// @notice Moves tokens without their holder's consent: what is not frozen first, then what is. A receiver that is
    /// frozen as an address is refused; a stop of transfers is no hindrance.
    /// @param from Who holds them.
    /// @param to Who shall hold them.
    /// @param amount How many, in wei.
    /// @param caseId Our case; not zero.
    /// @return True; a failure reverts.
    function forcedTransfer(address from, address to, uint256 amount, bytes32 caseId)
        external
        onlyRole(COMPLIANCE_ROLE)
        returns (bool)
    {
        if (caseId == 0) revert CaseIdMissing();
        // ERC20._update would take these two for a mint and a burn
        if (from == address(0)) revert ERC20InvalidSender(from);
        if (to == address(0) || to == from) revert ERC20InvalidReceiver(to); // to itself, it would only unfreeze
        if (!canReceive(to)) revert ERC7943CannotReceive(to);
        if (amount > balanceOf(from)) revert ERC20InsufficientBalance(from, balanceOf(from), amount);

        _unfreezeFor(from, amount);
        super._update(from, to, amount);
        emit ForcedTransfer(from, to, amount);
        emit ForcedTransferUnderCase(caseId, from, to, amount);
        return true;
    }

    /// @inheritdoc IERC7943Fungible
    /// @dev Always reverts: use the function of the same name that takes a case id.
    function setFrozenTokens(address, uint256) external pure override returns (bool) {
        revert CaseIdMissing();
    }

    /// @inheritdoc IERC7943Fungible
    /// @dev Always reverts: use the function of the same name that takes a case id.
    function forcedTransfer(address, address, uint256) external pure override returns (bool) {
        revert CaseIdMissing();
    }

    /// @inheritdoc IERC7943Fungible
    function getFrozenTokens(address account) external view override returns (uint256) {
        return _frozen[account];
    }

    /// @inheritdoc IERC7943Fungible
    function canTransfer(address from, address to, uint256 amount) external view override returns (bool) {
        if (transfersPaused || !canSend(from) || !canReceive(to)) return false;
        return _frozen[from] == 0 || amount <= _unfrozen(from);
    }

    /// @inheritdoc IERC7943Fungible
    function canSend(address account) public view override returns (bool) {
        return _frozen[account] != WHOLE_ADDRESS;
    }

    /// @inheritdoc IERC7943Fungible
    function canReceive(address account) public view override returns (bool) {
        return _frozen[account] != WHOLE_ADDRESS;
    }

    /// @dev Every mint, transfer and burn but a forced transfer comes through here.
    function _update(address from, address to, uint256 amount) internal virtual override {
        if (from != address(0)) _checkSend(from, amount);
        if (to != address(0) && !canReceive(to)) revert ERC7943CannotReceive(to);
        super._update(from, to, amount);
    }

    function _checkSend(address from, uint256 amount) private view {
        if (transfersPaused) revert TransfersPaused();
        if (!canSend(from)) revert ERC7943CannotSend(from);
        uint256 unfrozen = _unfrozen(from);
        // more than the balance is ERC-20's to refuse
        if (amount > unfrozen && amount <= balanceOf(from)) {
            revert ERC7943InsufficientUnfrozenBalance(from, amount, unfrozen);
        }
    }

    /// @dev An address frozen as a whole stays so; its Frozen event tells that frozen tokens are about to move.
    function _unfreezeFor(address account, uint256 amount) private {
        uint256 unfrozen = _unfrozen(account);
        if (amount <= unfrozen) return;
        uint256 frozen = _frozen[account];
        _setFrozen(account, frozen == WHOLE_ADDRESS ? frozen : frozen - (amount - unfrozen));
    }

    function _setFrozen(address account, uint256 amount) private {
        _frozen[account] = amount;
        emit Frozen(account, amount);
    }

    function _unfrozen(address account) private view returns (uint256) {
        uint256 balance = balanceOf(account);
        uint256 frozen = _frozen[account];
        return balance > frozen ? balance - frozen : 0;
    }
}
