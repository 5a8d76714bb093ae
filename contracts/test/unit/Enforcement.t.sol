// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC7943Fungible} from "../../src/interfaces/IERC7943Fungible.sol";
import {Enforcement} from "../../src/token/Enforcement.sol";
import {TokenTest} from "../TokenTest.sol";

contract EnforcementTest is TokenTest {
    uint256 private constant WHOLE = type(uint256).max;

    function setUp() public override {
        super.setUp();
        mint(ALICE, 10, "trade-1");
        mint(BOB, 5, "trade-2");
    }

    // --- Freezing ----------------------------------------------------------------------------------------------------

    function test_freezing_sets_the_amount_and_tells_the_case() public {
        vm.expectEmit(address(token));
        emit IERC7943Fungible.Frozen(ALICE, 7);
        vm.expectEmit(address(token));
        emit Enforcement.FrozenUnderCase(CASE, ALICE, 7);
        vm.prank(COMPLIANCE);
        vm.assertTrue(token.setFrozenTokens(ALICE, 7, CASE));
        vm.assertEq(token.getFrozenTokens(ALICE), 7);

        freeze(ALICE, 2); // sets, does not add
        vm.assertEq(token.getFrozenTokens(ALICE), 2);
    }

    function test_what_is_not_frozen_moves_to_the_last_wei() public {
        freeze(ALICE, 7);
        vm.assertFalse(token.canTransfer(ALICE, BOB, 4));
        expectInsufficientUnfrozen(4, 3);
        token.transfer(BOB, 4);
        expectInsufficientUnfrozen(10, 3);
        token.burn(10, "redemption-1");

        vm.assertTrue(token.canTransfer(ALICE, BOB, 3));
        vm.prank(ALICE);
        vm.assertTrue(token.transfer(BOB, 3));
        vm.assertEq(token.balanceOf(ALICE), 7);
        expectInsufficientUnfrozen(1, 0);
        token.transfer(BOB, 1);
    }

    function test_more_than_the_balance_is_erc20s_to_refuse_even_when_some_is_frozen() public {
        freeze(ALICE, 7);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ALICE, 10, 11));
        vm.prank(ALICE);
        token.transfer(BOB, 11);
    }

    function test_more_can_be_frozen_than_is_held_and_tokens_to_come_are_caught() public {
        freeze(ALICE, 12);
        mint(ALICE, 5, "trade-3");
        vm.assertFalse(token.canTransfer(ALICE, BOB, 4));
        vm.assertTrue(token.canTransfer(ALICE, BOB, 3));
        vm.assertTrue(token.canSend(ALICE));
        vm.assertTrue(token.canReceive(ALICE));
    }

    function test_an_address_frozen_as_a_whole_neither_sends_nor_receives_nor_burns() public {
        freeze(ALICE, WHOLE);
        vm.assertFalse(token.canSend(ALICE));
        vm.assertFalse(token.canReceive(ALICE));
        vm.assertFalse(token.canTransfer(ALICE, BOB, 0));
        vm.assertFalse(token.canTransfer(BOB, ALICE, 1));

        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotSend.selector, ALICE));
        vm.prank(ALICE);
        token.transfer(BOB, 0);
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotSend.selector, ALICE));
        vm.prank(ALICE);
        token.burn(1, "redemption-1");
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, ALICE));
        vm.prank(BOB);
        token.transfer(ALICE, 1);
        vm.assertEq(token.balanceOf(ALICE), 10);
    }

    function test_frozen_tokens_do_not_leave_by_an_allowance_either() public {
        vm.prank(ALICE);
        token.approve(STRANGER, 10);
        freeze(ALICE, 7);
        vm.expectRevert(
            abi.encodeWithSelector(IERC7943Fungible.ERC7943InsufficientUnfrozenBalance.selector, ALICE, 4, 3)
        );
        vm.prank(STRANGER);
        token.transferFrom(ALICE, STRANGER, 4);
        vm.prank(STRANGER);
        token.transferFrom(ALICE, STRANGER, 3);
        vm.assertEq(token.balanceOf(STRANGER), 3);
    }

    function test_unfreezing_frees() public {
        freeze(ALICE, WHOLE);
        freeze(ALICE, 0);
        vm.assertTrue(token.canSend(ALICE));
        vm.prank(ALICE);
        token.transfer(BOB, 10);
        vm.assertEq(token.balanceOf(BOB), 15);
    }

    function test_can_transfer_leaves_balances_to_erc20() public view {
        vm.assertTrue(token.canTransfer(ALICE, BOB, 11));
        vm.assertTrue(token.canTransfer(STRANGER, BOB, 1));
    }

    // --- Forced transfers --------------------------------------------------------------------------------------------

    function test_forced_transfer_takes_what_is_not_frozen_first() public {
        freeze(ALICE, 4);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(ALICE, BOB, 6);
        vm.expectEmit(address(token));
        emit IERC7943Fungible.ForcedTransfer(ALICE, BOB, 6);
        vm.expectEmit(address(token));
        emit Enforcement.ForcedTransferUnderCase(CASE, ALICE, BOB, 6);
        vm.prank(COMPLIANCE);
        vm.assertTrue(token.forcedTransfer(ALICE, BOB, 6, CASE));

        vm.assertEq(token.getFrozenTokens(ALICE), 4);
        vm.assertEq(token.balanceOf(ALICE), 4);
        vm.assertEq(token.balanceOf(BOB), 11);
        vm.assertEq(token.totalSupply(), 15);
    }

    function test_forced_transfer_of_frozen_tokens_unfreezes_just_those_first() public {
        freeze(ALICE, 4);
        vm.expectEmit(address(token));
        emit IERC7943Fungible.Frozen(ALICE, 1);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(ALICE, BOB, 9);
        vm.prank(COMPLIANCE);
        token.forcedTransfer(ALICE, BOB, 9, CASE);

        vm.assertEq(token.getFrozenTokens(ALICE), 1);
        vm.assertEq(token.balanceOf(ALICE), 1);
    }

    function test_forced_transfer_of_all_that_is_not_frozen_tells_of_no_unfreezing() public {
        freeze(ALICE, 4);
        vm.recordLogs();
        vm.prank(COMPLIANCE);
        token.forcedTransfer(ALICE, BOB, 6, CASE);
        vm.assertEq(vm.getRecordedLogs().length, 3); // Transfer, ForcedTransfer, ForcedTransferUnderCase
    }

    function test_an_address_frozen_as_a_whole_stays_so_when_its_tokens_are_taken() public {
        freeze(ALICE, WHOLE);
        vm.expectEmit(address(token));
        emit IERC7943Fungible.Frozen(ALICE, WHOLE);
        vm.prank(COMPLIANCE);
        token.forcedTransfer(ALICE, BOB, 10, CASE);
        vm.assertEq(token.balanceOf(BOB), 15);
        vm.assertFalse(token.canReceive(ALICE));
    }

    function test_forced_transfer_is_no_mint_and_no_burn() public {
        vm.startPrank(COMPLIANCE);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidSender.selector, address(0)));
        token.forcedTransfer(address(0), BOB, 1, CASE);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        token.forcedTransfer(ALICE, address(0), 1, CASE);
        vm.assertEq(token.totalSupply(), 15);
    }

    function test_forced_transfer_to_oneself_is_no_way_to_unfreeze() public {
        freeze(ALICE, 10);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, ALICE));
        vm.prank(COMPLIANCE);
        token.forcedTransfer(ALICE, ALICE, 10, CASE);
        vm.assertEq(token.getFrozenTokens(ALICE), 10);
    }

    function test_forced_transfer_of_more_than_is_held_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, ALICE, 10, 11));
        vm.prank(COMPLIANCE);
        token.forcedTransfer(ALICE, BOB, 11, CASE);
        vm.prank(COMPLIANCE);
        token.forcedTransfer(ALICE, BOB, 10, CASE);
        vm.assertEq(token.balanceOf(BOB), 15);
    }

    function test_forced_transfer_to_a_frozen_address_reverts() public {
        freeze(BOB, WHOLE);
        vm.expectRevert(abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, BOB));
        vm.prank(COMPLIANCE);
        token.forcedTransfer(ALICE, BOB, 1, CASE);
    }

    function test_nothing_is_frozen_or_forced_without_a_case() public {
        bytes memory missing = abi.encodeWithSelector(Enforcement.CaseIdMissing.selector);
        vm.startPrank(COMPLIANCE);
        vm.expectRevert(missing);
        token.setFrozenTokens(ALICE, 1, 0);
        vm.expectRevert(missing);
        token.forcedTransfer(ALICE, BOB, 1, 0);
        vm.expectRevert(missing);
        token.setFrozenTokens(ALICE, 1);
        vm.expectRevert(missing);
        token.forcedTransfer(ALICE, BOB, 1);
        vm.assertEq(token.getFrozenTokens(ALICE), 0);
        vm.assertEq(token.balanceOf(ALICE), 10);
    }

    function testFuzz_a_forced_transfer_never_leaves_more_free_than_there_was(uint256 frozen, uint256 amount) public {
        amount = between(amount, 0, 10);
        frozen = between(frozen, 0, 20);
        freeze(ALICE, frozen);
        uint256 free = frozen < 10 ? 10 - frozen : 0;
        vm.prank(COMPLIANCE);
        token.forcedTransfer(ALICE, BOB, amount, CASE);

        uint256 left = token.getFrozenTokens(ALICE);
        vm.assertEq(left, amount <= free ? frozen : frozen - (amount - free));
        vm.assertEq(left < 10 - amount ? 10 - amount - left : 0, amount <= free ? free - amount : 0);
    }

    // --- A stop of transfers -----------------------------------------------------------------------------------------

    function test_stopped_transfers_stop_burns_too_but_neither_mints_nor_forced_transfers() public {
        vm.expectEmit(address(token));
        emit Enforcement.TransfersStopped(PAUSER);
        vm.prank(PAUSER);
        token.pauseTransfers();
        vm.assertTrue(token.transfersPaused());
        vm.assertFalse(token.canTransfer(ALICE, BOB, 1));

        bytes memory paused = abi.encodeWithSelector(Enforcement.TransfersPaused.selector);
        vm.expectRevert(paused);
        vm.prank(ALICE);
        token.transfer(BOB, 1);
        vm.expectRevert(paused);
        vm.prank(ALICE);
        token.burn(1, "redemption-1");
        vm.assertEq(token.balanceOf(ALICE), 10);

        mint(ALICE, 1, "trade-3");
        vm.prank(COMPLIANCE);
        token.forcedTransfer(ALICE, BOB, 11, CASE);
        vm.assertEq(token.balanceOf(BOB), 16);
    }

    function test_transfers_start_again_at_the_admins_word() public {
        vm.prank(PAUSER);
        token.pauseTransfers();
        vm.expectEmit(address(token));
        emit Enforcement.TransfersResumed(ADMIN);
        vm.prank(ADMIN);
        token.unpauseTransfers();
        vm.assertFalse(token.transfersPaused());
        vm.prank(ALICE);
        token.transfer(BOB, 1);
        vm.assertEq(token.balanceOf(BOB), 6);
    }

    function freeze(address account, uint256 amount) private {
        vm.prank(COMPLIANCE);
        token.setFrozenTokens(account, amount, CASE);
    }

    function expectInsufficientUnfrozen(uint256 amount, uint256 unfrozen) private {
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC7943Fungible.ERC7943InsufficientUnfrozenBalance.selector, ALICE, amount, unfrozen
            )
        );
        vm.prank(ALICE);
    }
}
