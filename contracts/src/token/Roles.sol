// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";

/// @title Who may do what: four roles, and one admin who gives and takes them.
/// @dev No role implies another, and the constructor gives none: the admin grants each to a key of its own. What each
/// can do, and at most how much a day, is the matrix in AUDIT.md.
abstract contract Roles is AccessControlDefaultAdminRules {
    /// @notice May mint, within its allowance and the day's cap.
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    /// @notice May stop minting, and stop transfers. Only the admin starts them again.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    /// @notice May freeze tokens and move frozen ones, each time under a case id.
    bytes32 public constant COMPLIANCE_ROLE = keccak256("COMPLIANCE_ROLE");

    /// @notice May say which feed of reserves bounds the supply. Only the admin can remove the feed.
    bytes32 public constant RESERVE_ADMIN_ROLE = keccak256("RESERVE_ADMIN_ROLE");
}
