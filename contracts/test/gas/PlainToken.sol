// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @dev What a mint costs at the least: OpenZeppelin's ERC-20 and AccessControl, and one fresh storage slot.
contract PlainToken is ERC20, AccessControl {
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");
    mapping(bytes32 => bool) public used;

    constructor(address minter) ERC20("Plain", "PLAIN") {
        _grantRole(MINTER_ROLE, minter);
    }

    function mint(address to, uint256 amount, bytes32 key) external onlyRole(MINTER_ROLE) {
        used[key] = true;
        _mint(to, amount);
    }
}
