// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

/// @title ERC-7943 (uRWA) for fungible tokens, as it was made final: interface id 0x3edbb4c4.
interface IERC7943Fungible is IERC165 {
    /// @notice Tokens were moved without their holder's consent.
    /// @param from Who held them.
    /// @param to Who holds them now.
    /// @param amount How many, in wei.
    event ForcedTransfer(address indexed from, address indexed to, uint256 amount);

    /// @notice The frozen amount of an account was set.
    /// @param account Whose tokens.
    /// @param amount How many of them are frozen now, in wei; may exceed the balance.
    event Frozen(address indexed account, uint256 amount);

    /// @notice This account may not send.
    /// @param account Which one.
    error ERC7943CannotSend(address account);

    /// @notice This account may not receive.
    /// @param account Which one.
    error ERC7943CannotReceive(address account);

    /// @notice The token's rules forbid this transfer.
    /// @param from Who would send.
    /// @param to Who would receive.
    /// @param amount How many, in wei.
    error ERC7943CannotTransfer(address from, address to, uint256 amount);

    /// @notice The account holds enough, but too much of it is frozen.
    /// @param account Who would send.
    /// @param amount How many, in wei.
    /// @param unfrozen How many it may send, in wei.
    error ERC7943InsufficientUnfrozenBalance(address account, uint256 amount, uint256 unfrozen);

    /// @notice Moves tokens without their holder's consent.
    /// @param from Who holds them.
    /// @param to Who shall hold them.
    /// @param amount How many, in wei.
    /// @return result True; a failure reverts.
    function forcedTransfer(address from, address to, uint256 amount) external returns (bool result);

    /// @notice Sets (not: adds to) how many tokens of an account are frozen.
    /// @param account Whose tokens.
    /// @param amount How many, in wei; may exceed the balance.
    /// @return result True; a failure reverts.
    function setFrozenTokens(address account, uint256 amount) external returns (bool result);

    /// @notice Whether an account may send at all.
    /// @param account Which one.
    /// @return allowed Whether it may.
    function canSend(address account) external view returns (bool allowed);

    /// @notice Whether an account may receive at all.
    /// @param account Which one.
    /// @return allowed Whether it may.
    function canReceive(address account) external view returns (bool allowed);

    /// @notice How many tokens of an account are frozen.
    /// @param account Whose.
    /// @return amount How many, in wei; may exceed the balance.
    function getFrozenTokens(address account) external view returns (uint256 amount);

    /// @notice Whether the token's rules allow a transfer. Balances and ERC-20 allowances are not among these rules.
    /// @param from Who would send.
    /// @param to Who would receive.
    /// @param amount How many, in wei.
    /// @return allowed Whether they do.
    function canTransfer(address from, address to, uint256 amount) external view returns (bool allowed);
}
