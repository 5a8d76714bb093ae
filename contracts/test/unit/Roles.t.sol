// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {
    IAccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/IAccessControlDefaultAdminRules.sol";
import {RATMintingContract} from "../../src/RATMintingContract.sol";
import {IERC7943Fungible} from "../../src/interfaces/IERC7943Fungible.sol";
import {TokenTest} from "../TokenTest.sol";

contract RolesTest is TokenTest {
    function test_new_token_is_empty_names_its_security_and_gives_no_role_but_the_admins() public {
        token = newToken();
        vm.assertEq(token.name(), "Apple Inc. RAT");
        vm.assertEq(token.symbol(), "AAPL-RAT");
        vm.assertEq(token.decimals(), 18);
        vm.assertEq(token.totalSupply(), 0);
        vm.assertEq(token.assetHash(), keccak256("AAPL"));
        vm.assertEq(token.defaultAdmin(), ADMIN);
        vm.assertEq(token.defaultAdminDelay(), ADMIN_DELAY);
        vm.assertEq(token.dailyMintCap(), 0);
        (address feed,,) = token.reserveFeed();
        vm.assertEq(feed, address(0));
        bytes32[4] memory roles = allRoles();
        for (uint256 i = 0; i < roles.length; ++i) {
            vm.assertFalse(token.hasRole(roles[i], ADMIN));
            vm.assertFalse(token.hasRole(roles[i], address(this)));
        }
    }

    function test_the_roles_are_named_as_their_hashes_say() public view {
        vm.assertEq(token.MINTER_ROLE(), keccak256("MINTER_ROLE"));
        vm.assertEq(token.PAUSER_ROLE(), keccak256("PAUSER_ROLE"));
        vm.assertEq(token.COMPLIANCE_ROLE(), keccak256("COMPLIANCE_ROLE"));
        vm.assertEq(token.RESERVE_ADMIN_ROLE(), keccak256("RESERVE_ADMIN_ROLE"));
    }

    /// @dev The matrix of AUDIT.md: for each key, every function that is not its own.
    function test_no_role_does_what_is_anothers() public {
        address[6] memory keys = [ADMIN, MINTER, PAUSER, COMPLIANCE, RESERVE_ADMIN, STRANGER];
        for (uint256 i = 0; i < keys.length; ++i) {
            address key = keys[i];
            if (key != ADMIN) assertNoAdmin(key);
            if (key != MINTER) {
                expectLacks(key, keccak256("MINTER_ROLE"));
                token.mint(ALICE, 1, "trade-1");
            }
            if (key != PAUSER) {
                expectLacks(key, keccak256("PAUSER_ROLE"));
                token.pauseMinting();
                expectLacks(key, keccak256("PAUSER_ROLE"));
                token.pauseTransfers();
            }
            if (key != COMPLIANCE) {
                expectLacks(key, keccak256("COMPLIANCE_ROLE"));
                token.setFrozenTokens(ALICE, 1, CASE);
                expectLacks(key, keccak256("COMPLIANCE_ROLE"));
                token.forcedTransfer(ALICE, BOB, 0, CASE);
            }
            if (key != RESERVE_ADMIN) {
                expectLacks(key, keccak256("RESERVE_ADMIN_ROLE"));
                token.setReserveFeed(address(token), 1, 0);
            }
        }
    }

    function assertNoAdmin(address key) private {
        expectLacks(key, 0);
        token.setMinterAllowance(key, 1);
        expectLacks(key, 0);
        token.raiseMinterAllowance(key, 1);
        expectLacks(key, 0);
        token.setDailyMintCap(1);
        expectLacks(key, 0);
        token.unpauseMinting();
        expectLacks(key, 0);
        token.unpauseTransfers();
        expectLacks(key, 0);
        token.setTerms("ipfs://other", 0);
        expectLacks(key, 0);
        token.setReserveFeed(address(0), 0, 0);
        expectLacks(key, 0);
        token.grantRole(keccak256("MINTER_ROLE"), key);
        expectLacks(key, 0);
        token.beginDefaultAdminTransfer(key);
    }

    function test_the_admins_place_changes_hands_only_after_the_delay() public {
        vm.prank(ADMIN);
        token.beginDefaultAdminTransfer(BOB);
        vm.warp(TODAY + ADMIN_DELAY);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControlDefaultAdminRules.AccessControlEnforcedDefaultAdminDelay.selector, TODAY + ADMIN_DELAY
            )
        );
        vm.prank(BOB);
        token.acceptDefaultAdminTransfer();

        vm.warp(TODAY + ADMIN_DELAY + 1);
        vm.prank(BOB);
        token.acceptDefaultAdminTransfer();
        vm.assertEq(token.defaultAdmin(), BOB);
        expectLacks(ADMIN, 0);
        token.setDailyMintCap(1);
    }

    function test_there_is_no_token_without_an_admin() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControlDefaultAdminRules.AccessControlInvalidDefaultAdmin.selector, address(0)
            )
        );
        new RATMintingContract("n", "s", "t", address(0), 0, "", 0);
    }

    function test_terms_are_set_at_birth_and_by_the_admin_after() public {
        (string memory uri, bytes32 documentHash) = token.terms();
        vm.assertEq(uri, "ipfs://terms");
        vm.assertEq(documentHash, keccak256("terms"));

        vm.expectEmit(address(token));
        emit RATMintingContract.TermsSet("ipfs://new", keccak256("new"));
        vm.prank(ADMIN);
        token.setTerms("ipfs://new", keccak256("new"));
        (uri, documentHash) = token.terms();
        vm.assertEq(uri, "ipfs://new");
        vm.assertEq(documentHash, keccak256("new"));
    }

    function test_the_interfaces_that_it_has_are_told() public view {
        vm.assertTrue(token.supportsInterface(0x3edbb4c4)); // ERC-7943, as the standard says
        vm.assertTrue(token.supportsInterface(type(IERC7943Fungible).interfaceId));
        vm.assertTrue(token.supportsInterface(type(IERC165).interfaceId));
        vm.assertTrue(token.supportsInterface(type(IAccessControl).interfaceId));
        vm.assertTrue(token.supportsInterface(type(IAccessControlDefaultAdminRules).interfaceId));
        vm.assertFalse(token.supportsInterface(0xffffffff));
    }

    function test_permit_lets_a_signature_approve_once() public {
        uint256 key = 0xA11CE;
        address holder = vm.addr(key);
        mint(holder, 5, "trade-1");
        bytes32 permit = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                holder,
                BOB,
                5,
                token.nonces(holder),
                block.timestamp
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), permit));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        token.permit(holder, BOB, 5, block.timestamp, v, r, s);
        vm.prank(BOB);
        token.transferFrom(holder, BOB, 5);
        vm.assertEq(token.balanceOf(BOB), 5);

        uint256 deadline = block.timestamp;
        vm.expectPartialRevert(bytes4(keccak256("ERC2612InvalidSigner(address,address)")));
        token.permit(holder, BOB, 5, deadline, v, r, s);
    }

    function allRoles() private view returns (bytes32[4] memory) {
        return [token.MINTER_ROLE(), token.PAUSER_ROLE(), token.COMPLIANCE_ROLE(), token.RESERVE_ADMIN_ROLE()];
    }
}
