// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReserveGate} from "../../src/token/ReserveGate.sol";
import {MockFeed} from "../MockFeed.sol";
import {TokenTest} from "../TokenTest.sol";

contract ReserveGateTest is TokenTest {
    uint256 private constant MAX_AGE = 1 hours;
    MockFeed private feed;

    function setUp() public override {
        super.setUp();
        feed = new MockFeed(18, 10 ether);
        setFeed(2 ether);
        mint(ALICE, 1 ether, "trade-1");
    }

    // --- The bound ---------------------------------------------------------------------------------------------------

    function test_mint_goes_to_the_last_wei_of_reserves_less_margin() public {
        vm.assertEq(token.reserveHeadroom(), 7 ether);
        assertMintRefused(ALICE, 7 ether + 1, insufficient(10 ether, 10 ether + 1));
        mint(ALICE, 7 ether, "trade-2");
        vm.assertEq(token.reserveHeadroom(), 0);
        assertMintRefused(ALICE, 1, insufficient(10 ether, 10 ether + 1));
    }

    function test_headroom_is_zero_when_reserves_fall_below_the_supply() public {
        feed.set(2 ether, block.timestamp);
        vm.assertEq(token.reserveHeadroom(), 0);
        assertMintRefused(ALICE, 1, insufficient(2 ether, 3 ether + 1));
    }

    function test_a_burn_makes_room() public {
        mint(ALICE, 7 ether, "trade-2");
        vm.prank(ALICE);
        token.burn(1 ether, "redemption-1");
        mint(ALICE, 1 ether, "trade-3");
        vm.assertEq(token.totalSupply(), 8 ether);
    }

    function test_without_a_feed_the_supply_is_not_bound() public {
        vm.prank(ADMIN);
        token.setReserveFeed(address(0), 0, 0);
        vm.assertEq(token.reserveHeadroom(), type(uint256).max);
        mint(ALICE, 90 ether, "trade-2");
    }

    // --- Decimals ----------------------------------------------------------------------------------------------------

    function test_a_feed_of_8_decimals_is_scaled_up_exactly() public {
        feed.setDecimals(8);
        feed.set(10_00000001, block.timestamp);
        vm.assertEq(token.reserveHeadroom(), 7_00000001 * 1e10);
        assertMintRefused(ALICE, 7_00000001 * 1e10 + 1, insufficient(10_00000001 * 1e10, 10_00000001 * 1e10 + 1));
        mint(ALICE, 7_00000001 * 1e10, LAST);
    }

    function test_a_feed_of_20_decimals_is_scaled_down_and_never_up() public {
        feed.setDecimals(20);
        feed.set(10 ether * 100 + 99, block.timestamp);
        vm.assertEq(token.reserveHeadroom(), 7 ether);
        assertMintRefused(ALICE, 7 ether + 1, insufficient(10 ether, 10 ether + 1));
        mint(ALICE, 7 ether, LAST);
    }

    function test_0_and_36_decimals_are_scaled_and_37_refused() public {
        feed.setDecimals(0);
        feed.set(10, block.timestamp);
        vm.assertEq(token.reserveHeadroom(), 7 ether);
        feed.setDecimals(36);
        feed.set(10e36, block.timestamp);
        vm.assertEq(token.reserveHeadroom(), 7 ether);
        feed.setDecimals(37);
        feed.set(10e37, block.timestamp);
        assertMintRefused(ALICE, 1, abi.encodeWithSelector(ReserveGate.ReserveDecimalsUnsupported.selector, 37));
    }

    function testFuzz_the_supply_is_within_reserves_at_any_decimals(uint8 decimals, uint256 answer, uint256 amount)
        public
    {
        decimals = uint8(between(decimals, 0, 36));
        answer = between(answer, 1, 100 * 10 ** uint256(decimals));
        amount = between(amount, 1, 99 ether);
        vm.assume(answer <= uint256(int256(type(int192).max)));
        feed.setDecimals(decimals);
        feed.set(int256(answer), block.timestamp);
        // both sides at 54 decimals, where nothing is lost
        uint256 supply = (token.totalSupply() + amount + 2 ether) * 1e36;
        uint256 reserves = answer * 10 ** (54 - uint256(decimals));
        if (supply > reserves) vm.expectPartialRevert(ReserveGate.ReservesInsufficient.selector);
        mint(ALICE, amount, LAST);
    }

    // --- A feed that cannot be relied on -----------------------------------------------------------------------------

    function test_an_answer_counts_until_it_is_older_than_the_maximum_age() public {
        vm.warp(TODAY + MAX_AGE);
        mint(ALICE, 1, "trade-2");
        vm.warp(TODAY + MAX_AGE + 1);
        assertLapsed(abi.encodeWithSelector(ReserveGate.ReservesStale.selector, TODAY, MAX_AGE));
    }

    function test_an_answer_from_the_future_is_refused() public {
        feed.set(10 ether, block.timestamp + 1);
        assertLapsed(abi.encodeWithSelector(ReserveGate.ReservesFromFuture.selector, block.timestamp + 1));
    }

    function test_an_answer_that_is_not_positive_or_beyond_sense_is_refused() public {
        int256[4] memory answers = [int256(0), -1, int256(type(int192).max) + 1, type(int256).max];
        for (uint256 i = 0; i < answers.length; ++i) {
            feed.set(answers[i], block.timestamp);
            assertLapsed(abi.encodeWithSelector(ReserveGate.ReservesInvalid.selector, answers[i]));
        }
        feed.set(type(int192).max, block.timestamp);
        mint(ALICE, 1, "trade-2");
        feed.setDecimals(0);
        mint(ALICE, 1, "trade-3");
    }

    function test_a_round_without_an_answer_of_its_own_is_refused() public {
        feed.setRound(8, 7);
        assertLapsed(abi.encodeWithSelector(ReserveGate.ReservesRoundIncomplete.selector, 8, 7));
        feed.setRound(0, 0);
        assertLapsed(abi.encodeWithSelector(ReserveGate.ReservesRoundIncomplete.selector, 0, 0));
        feed.setRound(8, 9);
        mint(ALICE, 1, "trade-2");
    }

    function test_a_feed_that_reverts_is_named_with_its_reason() public {
        feed.setBroken(true);
        bytes memory reason = abi.encodeWithSelector(MockFeed.Broken.selector, 42);
        assertLapsed(abi.encodeWithSelector(ReserveGate.ReserveFeedFailed.selector, address(feed), reason));
    }

    /// @dev Mints stop, and nothing else does.
    function assertLapsed(bytes memory refusal) private {
        assertMintRefused(ALICE, 1, refusal);
        vm.expectRevert(refusal);
        token.reserveHeadroom();

        vm.prank(ALICE);
        token.transfer(BOB, 3);
        string memory redemption = string(abi.encodePacked(token.totalSupply())); // another each time
        vm.prank(ALICE);
        token.burn(2, redemption);
        vm.prank(COMPLIANCE);
        token.forcedTransfer(BOB, ALICE, 1, CASE);
    }

    // --- Setting the feed --------------------------------------------------------------------------------------------

    function test_setting_the_feed_is_told_and_can_be_read() public {
        MockFeed other = new MockFeed(8, 1e8);
        vm.expectEmit(address(token));
        emit ReserveGate.ReserveFeedSet(address(other), 30 days, type(uint128).max);
        vm.prank(RESERVE_ADMIN);
        token.setReserveFeed(address(other), 30 days, type(uint128).max);
        (address set, uint256 maxAge, uint256 margin) = token.reserveFeed();
        vm.assertEq(set, address(other));
        vm.assertEq(maxAge, 30 days);
        vm.assertEq(margin, type(uint128).max);
    }

    function test_only_the_admin_removes_the_feed_and_with_it_all_it_was_set_with() public {
        expectLacks(RESERVE_ADMIN, token.DEFAULT_ADMIN_ROLE());
        token.setReserveFeed(address(0), MAX_AGE, 0);

        vm.expectEmit(address(token));
        emit ReserveGate.ReserveFeedSet(address(0), 0, 0);
        vm.prank(ADMIN);
        token.setReserveFeed(address(0), MAX_AGE, 1);
        (address set, uint256 maxAge, uint256 margin) = token.reserveFeed();
        vm.assertEq(set, address(0));
        vm.assertEq(maxAge, 0);
        vm.assertEq(margin, 0);
    }

    function test_the_admin_does_not_set_a_feed() public {
        expectLacks(ADMIN, token.RESERVE_ADMIN_ROLE());
        token.setReserveFeed(address(feed), MAX_AGE, 0);
    }

    function test_what_could_never_work_is_not_set() public {
        assertNotSet(address(feed), 0, 0, abi.encodeWithSelector(ReserveGate.ReserveMaxAgeOutOfRange.selector, 0));
        assertNotSet(
            address(feed),
            30 days + 1,
            0,
            abi.encodeWithSelector(ReserveGate.ReserveMaxAgeOutOfRange.selector, 30 days + 1)
        );
        uint256 margin = uint256(type(uint128).max) + 1;
        assertNotSet(
            address(feed), 1, margin, abi.encodeWithSelector(ReserveGate.ReserveMarginTooLarge.selector, margin)
        );
        assertNotSet(STRANGER, 1, 0, ""); // no contract is there
        feed.setDecimals(37);
        assertNotSet(address(feed), 1, 0, abi.encodeWithSelector(ReserveGate.ReserveDecimalsUnsupported.selector, 37));
    }

    function assertNotSet(address set, uint256 maxAge, uint256 margin, bytes memory refusal) private {
        vm.expectRevert(refusal);
        vm.prank(RESERVE_ADMIN);
        token.setReserveFeed(set, maxAge, margin);
        (address still,,) = token.reserveFeed();
        vm.assertEq(still, address(feed));
    }

    function setFeed(uint256 margin) private {
        vm.prank(RESERVE_ADMIN);
        token.setReserveFeed(address(feed), MAX_AGE, margin);
    }

    function insufficient(uint256 reserves, uint256 needed) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ReserveGate.ReservesInsufficient.selector, reserves, needed);
    }
}
