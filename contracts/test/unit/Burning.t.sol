// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {RATMintingContract} from "../../src/RATMintingContract.sol";
import {TokenTest} from "../TokenTest.sol";

contract BurningTest is TokenTest {
    function setUp() public override {
        super.setUp();
        mint(ALICE, 3 ether, "trade-1");
        mint(BOB, 1 ether, "trade-2");
    }

    function test_burn_destroys_tokens_marks_the_redemption_and_tells_both() public {
        vm.expectEmit(address(token));
        emit RATMintingContract.Burned(keccak256("redemption-1"), ALICE, 1 ether, "redemption-1");
        vm.prank(ALICE);
        token.burn(1 ether, "redemption-1");

        vm.assertEq(token.balanceOf(ALICE), 2 ether);
        vm.assertEq(token.totalSupply(), 3 ether);
        vm.assertTrue(token.usedRedemption(ALICE, keccak256("redemption-1")));
        vm.assertFalse(token.usedRedemption(ALICE, keccak256("redemption-2")));
    }

    function test_a_redemption_is_burned_for_once() public {
        vm.prank(ALICE);
        token.burn(1 ether, "redemption-1");
        vm.expectRevert(
            abi.encodeWithSelector(RATMintingContract.RedemptionAlreadyUsed.selector, ALICE, "redemption-1")
        );
        vm.prank(ALICE);
        token.burn(1 ether, "redemption-1");
        vm.assertEq(token.balanceOf(ALICE), 2 ether);
    }

    function test_nobody_can_use_up_another_holders_redemption() public {
        vm.prank(BOB);
        token.burn(1, "redemption-1");
        vm.assertFalse(token.usedRedemption(ALICE, keccak256("redemption-1")));
        vm.prank(ALICE);
        token.burn(1 ether, "redemption-1");
        vm.assertEq(token.balanceOf(ALICE), 2 ether);
    }

    function test_more_than_the_balance_cannot_be_burned() public {
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ALICE, 3 ether, 3 ether + 1)
        );
        vm.prank(ALICE);
        token.burn(3 ether + 1, "redemption-1");
        vm.assertFalse(token.usedRedemption(ALICE, keccak256("redemption-1")));
    }

    function test_a_burn_needs_an_amount_and_an_id_of_1_to_128_bytes() public {
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(RATMintingContract.ZeroAmount.selector, "redemption-1"));
        token.burn(0, "redemption-1");
        vm.expectRevert(abi.encodeWithSelector(RATMintingContract.InvalidIdLength.selector, 0));
        token.burn(1, "");
        vm.expectRevert(abi.encodeWithSelector(RATMintingContract.InvalidIdLength.selector, 129));
        token.burn(1, string(new bytes(129)));
        vm.assertEq(token.totalSupply(), 4 ether);
    }

    function test_what_was_burned_does_not_come_back_into_the_days_cap() public {
        vm.prank(ALICE);
        token.burn(3 ether, "redemption-1");
        vm.assertEq(token.mintedToday(), 4 ether);
        vm.assertEq(token.minterAllowance(MINTER), ALLOWANCE - 4 ether);
    }
}
