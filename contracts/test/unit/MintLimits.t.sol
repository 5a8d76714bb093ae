// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MintLimits} from "../../src/token/MintLimits.sol";
import {TokenTest} from "../TokenTest.sol";

contract MintLimitsTest is TokenTest {
    function test_a_new_minter_mints_nothing_until_the_admin_sets_both_limits() public {
        token = newToken();
        bytes32 role = token.MINTER_ROLE();
        vm.prank(ADMIN);
        token.grantRole(role, MINTER);
        assertMintRefused(ALICE, 1, allowanceExceeded(0, 1));

        vm.prank(ADMIN);
        token.setMinterAllowance(MINTER, 1);
        assertMintRefused(ALICE, 1, capExceeded(0, 1));

        vm.prank(ADMIN);
        token.setDailyMintCap(1);
        mint(ALICE, 1, LAST);
        vm.assertEq(token.totalSupply(), 1);
    }

    function test_the_allowance_falls_with_each_mint_and_can_be_used_up_to_the_last_wei() public {
        vm.prank(ADMIN);
        token.setMinterAllowance(MINTER, 10);
        mint(ALICE, 4, "trade-1");
        vm.assertEq(token.minterAllowance(MINTER), 6);
        assertMintRefused(ALICE, 7, allowanceExceeded(6, 7));

        mint(ALICE, 6, "trade-2");
        vm.assertEq(token.minterAllowance(MINTER), 0);
        assertMintRefused(ALICE, 1, allowanceExceeded(0, 1));
    }

    function test_raising_adds_to_what_is_left_and_setting_replaces_it() public {
        vm.expectEmit(address(token));
        emit MintLimits.MinterAllowanceSet(MINTER, ALLOWANCE + 5);
        vm.prank(ADMIN);
        token.raiseMinterAllowance(MINTER, 5);
        vm.assertEq(token.minterAllowance(MINTER), ALLOWANCE + 5);

        vm.expectEmit(address(token));
        emit MintLimits.MinterAllowanceSet(MINTER, 5);
        vm.prank(ADMIN);
        token.setMinterAllowance(MINTER, 5);
        vm.assertEq(token.minterAllowance(MINTER), 5);
    }

    function test_a_minter_that_lost_its_role_starts_from_zero_when_it_gets_it_back() public {
        bytes32 role = token.MINTER_ROLE();
        vm.prank(ADMIN);
        token.revokeRole(role, MINTER);
        vm.assertEq(token.minterAllowance(MINTER), 0);
        vm.assertFalse(token.hasRole(role, MINTER));

        vm.prank(ADMIN);
        token.grantRole(role, MINTER);
        assertMintRefused(ALICE, 1, allowanceExceeded(0, 1));
    }

    function test_losing_another_role_leaves_the_allowance() public {
        bytes32 role = token.PAUSER_ROLE();
        vm.startPrank(ADMIN);
        token.grantRole(role, MINTER);
        token.revokeRole(role, MINTER);
        vm.stopPrank();
        vm.assertEq(token.minterAllowance(MINTER), ALLOWANCE);
    }

    function test_the_cap_is_of_all_minters_together() public {
        bytes32 role = token.MINTER_ROLE();
        vm.startPrank(ADMIN);
        token.grantRole(role, BOB);
        token.setMinterAllowance(BOB, ALLOWANCE);
        vm.stopPrank();
        vm.prank(BOB);
        token.mint(ALICE, 60 ether, "trade-1");
        vm.assertEq(token.mintedToday(), 60 ether);
        vm.assertEq(token.minterAllowance(MINTER), ALLOWANCE);

        assertMintRefused(ALICE, 40 ether + 1, capExceeded(40 ether, 40 ether + 1));
        mint(ALICE, 40 ether, "trade-2");
        vm.assertEq(token.mintedToday(), CAP);
    }

    function test_the_cap_starts_anew_at_midnight_utc_and_not_a_second_before() public {
        mint(ALICE, CAP, "trade-1");
        vm.warp(TODAY + 1 days - 1);
        vm.assertEq(token.mintedToday(), CAP);
        assertMintRefused(ALICE, 1, capExceeded(0, 1));

        vm.warp(TODAY + 1 days);
        vm.assertEq(token.mintedToday(), 0);
        mint(ALICE, 1, "trade-2");
        vm.assertEq(token.mintedToday(), 1);
    }

    function test_a_day_without_mints_does_not_save_up() public {
        vm.warp(TODAY + 5 days);
        assertMintRefused(ALICE, CAP + 1, capExceeded(CAP, uint256(CAP) + 1));
        mint(ALICE, CAP, "trade-1");
    }

    function test_a_cap_lowered_below_what_was_minted_leaves_nothing_today() public {
        mint(ALICE, 60 ether, "trade-1");
        vm.expectEmit(address(token));
        emit MintLimits.DailyMintCapSet(50 ether);
        vm.prank(ADMIN);
        token.setDailyMintCap(50 ether);
        vm.assertEq(token.dailyMintCap(), 50 ether);
        vm.assertEq(token.mintedToday(), 60 ether);
        assertMintRefused(ALICE, 1, capExceeded(0, 1));

        vm.warp(TODAY + 1 days);
        mint(ALICE, 50 ether, "trade-2");
    }

    function test_the_largest_amount_overflows_nothing() public {
        vm.prank(ADMIN);
        token.setMinterAllowance(MINTER, type(uint256).max);
        assertMintRefused(ALICE, type(uint256).max, capExceeded(CAP, type(uint256).max));
        mint(ALICE, 1, "trade-1");
        vm.assertEq(token.minterAllowance(MINTER), type(uint256).max - 1);
    }

    function test_minting_stops_at_the_pausers_word_and_starts_at_the_admins() public {
        mint(ALICE, 2 ether, "trade-1");
        vm.expectEmit(address(token));
        emit MintLimits.MintingStopped(PAUSER);
        vm.prank(PAUSER);
        token.pauseMinting();
        vm.assertTrue(token.mintingPaused());
        assertMintRefused(ALICE, 1, abi.encodeWithSelector(MintLimits.MintingPaused.selector));

        vm.expectEmit(address(token));
        emit MintLimits.MintingResumed(ADMIN);
        vm.prank(ADMIN);
        token.unpauseMinting();
        vm.assertFalse(token.mintingPaused());
        vm.assertEq(token.mintedToday(), 2 ether);
        vm.assertEq(token.dailyMintCap(), CAP);
        mint(ALICE, 1, "trade-2");
    }

    function test_with_minting_stopped_holders_still_transfer_and_burn() public {
        mint(ALICE, 2 ether, "trade-1");
        vm.prank(PAUSER);
        token.pauseMinting();
        vm.prank(ALICE);
        token.transfer(BOB, 1 ether);
        vm.prank(ALICE);
        token.burn(1 ether, "redemption-1");
        vm.assertEq(token.balanceOf(BOB), 1 ether);
        vm.assertEq(token.totalSupply(), 1 ether);
    }

    function testFuzz_neither_limit_is_ever_exceeded(uint96 cap, uint256 allowance, uint256 amount) public {
        amount = between(amount, 1, type(uint256).max - 1);
        vm.startPrank(ADMIN);
        token.setDailyMintCap(cap);
        token.setMinterAllowance(MINTER, allowance);
        vm.stopPrank();
        if (amount > allowance) assertMintRefused(ALICE, amount, allowanceExceeded(allowance, amount));
        else if (amount > cap) assertMintRefused(ALICE, amount, capExceeded(cap, amount));
        else mint(ALICE, amount, LAST);
    }

    function allowanceExceeded(uint256 allowance, uint256 amount) private pure returns (bytes memory) {
        return abi.encodeWithSelector(MintLimits.MinterAllowanceExceeded.selector, MINTER, allowance, amount);
    }

    function capExceeded(uint256 left, uint256 amount) private pure returns (bytes memory) {
        return abi.encodeWithSelector(MintLimits.DailyMintCapExceeded.selector, left, amount);
    }
}
