// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RATMintingContract} from "../../src/RATMintingContract.sol";
import {ReserveOracle} from "../../src/ReserveOracle.sol";
import {ReserveGate} from "../../src/token/ReserveGate.sol";
import {MockFeed} from "../MockFeed.sol";
import {OracleTest} from "../OracleTest.sol";

/// @dev What went wrong, or could, in tokens of this kind before ours: one test for each fault.
contract PeerFaultsTest is OracleTest {
    /// @dev BSKT: `processMintReport` is public, so whoever calls it mints, and a report can be brought again and
    /// again.
    function test_bskt_a_report_mints_nothing_whoever_brings_it_and_counts_once() public {
        ReserveOracle.Report memory report = freshReport(50 ether);
        bytes[] memory signatures = signed(report, 0, K);
        vm.prank(STRANGER);
        oracle.submit(report, signatures);
        vm.assertEq(token.totalSupply(), 0);

        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.SequenceNotHigher.selector, 1, 1));
        vm.prank(STRANGER);
        oracle.submit(report, signatures);

        expectLacks(STRANGER, token.MINTER_ROLE());
        token.mint(STRANGER, 1 ether, "trade-1");
        vm.assertEq(token.totalSupply(), 0);
    }

    /// @dev Dinari: `fillOrder` carries no fill id, so one fill told twice is filled twice, and a partial fill is told
    /// from its repetition by nothing.
    function test_dinari_two_fills_of_one_order_mint_twice_and_one_fill_told_twice_mints_once() public {
        mint(ALICE, 1 ether, "order-1/fill-1");
        mint(ALICE, 1 ether, "order-1/fill-2"); // the same receiver and amount: another fill
        vm.assertEq(token.balanceOf(ALICE), 2 ether);

        vm.expectRevert(abi.encodeWithSelector(RATMintingContract.BrokerTradeAlreadyUsed.selector, "order-1/fill-2"));
        mint(ALICE, 1 ether, "order-1/fill-2");
        vm.assertEq(token.balanceOf(ALICE), 2 ether);
    }

    /// @dev Backed: a mint names nothing, so the same intent sent with two nonces (or by two minters) mints twice.
    function test_backed_the_same_mint_sent_again_by_any_minter_on_any_day_reverts() public {
        bytes32 role = token.MINTER_ROLE();
        vm.startPrank(ADMIN);
        token.grantRole(role, BOB);
        token.setMinterAllowance(BOB, ALLOWANCE);
        vm.stopPrank();
        mint(ALICE, 1 ether, "trade-1");

        vm.warp(TODAY + 400 days);
        vm.expectRevert(abi.encodeWithSelector(RATMintingContract.BrokerTradeAlreadyUsed.selector, "trade-1"));
        vm.prank(BOB);
        token.mint(ALICE, 1 ether, "trade-1");
        vm.assertEq(token.totalSupply(), 1 ether);
    }

    /// @dev Backed, further: burning what a trade minted must not free its id.
    function test_backed_a_burn_does_not_make_a_trade_mintable_again() public {
        mint(ALICE, 1 ether, "trade-1");
        vm.prank(ALICE);
        token.burn(1 ether, "redemption-1");
        vm.expectRevert(abi.encodeWithSelector(RATMintingContract.BrokerTradeAlreadyUsed.selector, "trade-1"));
        mint(ALICE, 1 ether, "trade-1");
        vm.assertEq(token.totalSupply(), 0);
    }

    /// @dev Chainlink ACE's secure-mint policy compares supply and reserves as bare numbers. With a feed of 8 decimals
    /// that refuses every honest mint; with one of 24 it lets a million times the reserves be minted.
    function test_chainlink_ace_reserves_of_other_decimals_are_scaled_before_they_are_compared() public {
        MockFeed feed = new MockFeed(8, 10e8); // 10 shares
        vm.prank(RESERVE_ADMIN);
        token.setReserveFeed(address(feed), 1 hours, 0);
        mint(ALICE, 10 ether, "trade-1"); // 10e18 > 10e8, and yet covered to the last wei
        assertMintRefused(
            ALICE, 1, abi.encodeWithSelector(ReserveGate.ReservesInsufficient.selector, 10 ether, 10 ether + 1)
        );

        feed.setDecimals(24);
        feed.set(10e24, block.timestamp); // the same 10 shares: 10e24 > 10e18 + 1, and yet short
        assertMintRefused(
            ALICE, 1, abi.encodeWithSelector(ReserveGate.ReservesInsufficient.selector, 10 ether, 10 ether + 1)
        );
    }
}
