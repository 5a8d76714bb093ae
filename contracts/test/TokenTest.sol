// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {RATMintingContract} from "../src/RATMintingContract.sol";
import {ForgeTest} from "./Vm.sol";

/// @dev A token whose every role has a key of its own, on a day that has just begun.
abstract contract TokenTest is ForgeTest {
    address internal constant ADMIN = address(0xAD);
    address internal constant MINTER = address(0x1117);
    address internal constant PAUSER = address(0xBA);
    address internal constant COMPLIANCE = address(0xC0);
    address internal constant RESERVE_ADMIN = address(0x4E);
    address internal constant ALICE = address(0xA11CE);
    address internal constant BOB = address(0xB0B);
    address internal constant STRANGER = address(0x5A);

    uint256 internal constant TODAY = 20_700 days; // 00:00 UTC
    uint96 internal constant CAP = 100 ether;
    uint256 internal constant ALLOWANCE = 250 ether;
    uint48 internal constant ADMIN_DELAY = 2 days;
    bytes32 internal constant CASE = keccak256("case 17");
    string internal constant LAST = "a trade to try with";

    RATMintingContract internal token;

    function setUp() public virtual {
        vm.warp(TODAY);
        token = newToken();
        vm.startPrank(ADMIN);
        token.grantRole(token.MINTER_ROLE(), MINTER);
        token.grantRole(token.PAUSER_ROLE(), PAUSER);
        token.grantRole(token.COMPLIANCE_ROLE(), COMPLIANCE);
        token.grantRole(token.RESERVE_ADMIN_ROLE(), RESERVE_ADMIN);
        token.setMinterAllowance(MINTER, ALLOWANCE);
        token.setDailyMintCap(CAP);
        vm.stopPrank();
    }

    function newToken() internal returns (RATMintingContract) {
        return new RATMintingContract(
            "Apple Inc. RAT", "AAPL-RAT", "AAPL", ADMIN, ADMIN_DELAY, "ipfs://terms", keccak256("terms")
        );
    }

    function mint(address to, uint256 amount, string memory tradeId) internal {
        vm.prank(MINTER);
        token.mint(to, amount, tradeId);
    }

    /// @dev A mint of the trade LAST reverts with exactly these bytes, and leaves everything as it was.
    function assertMintRefused(address to, uint256 amount, bytes memory refusal) internal {
        uint256 supply = token.totalSupply();
        uint256 allowance = token.minterAllowance(MINTER);
        vm.expectRevert(refusal);
        mint(to, amount, LAST);
        vm.assertEq(token.totalSupply(), supply);
        vm.assertEq(token.minterAllowance(MINTER), allowance);
        vm.assertFalse(token.usedBrokerTrade(keccak256(bytes(LAST))));
    }

    /// @dev The next call reverts because its sender lacks the role.
    function expectLacks(address sender, bytes32 role) internal {
        vm.expectRevert(abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, sender, role));
        vm.prank(sender);
    }
}
