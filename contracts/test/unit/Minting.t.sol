// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {RATMintingContract} from "../../src/RATMintingContract.sol";
import {IERC7943Fungible} from "../../src/interfaces/IERC7943Fungible.sol";
import {MockFeed} from "../MockFeed.sol";
import {TokenTest} from "../TokenTest.sol";

contract MintingTest is TokenTest {
    uint256 private constant QUARTER = 0.25 ether;

    function test_mint_makes_tokens_marks_the_trade_and_tells_both() public {
        vm.expectEmit(address(token));
        emit RATMintingContract.Minted(keccak256("trade-1"), ALICE, QUARTER, "trade-1");
        mint(ALICE, QUARTER, "trade-1");

        vm.assertEq(token.balanceOf(ALICE), QUARTER);
        vm.assertEq(token.totalSupply(), QUARTER);
        vm.assertTrue(token.usedBrokerTrade(keccak256("trade-1")));
        vm.assertFalse(token.usedBrokerTrade(keccak256("trade-2")));
    }

    function testFuzz_replay_reverts_whoever_and_how_much_it_is_for(
        address first,
        address second,
        uint256 amount,
        uint256 again,
        string calldata tradeId
    ) public {
        vm.assume(first != address(0) && bytes(tradeId).length != 0 && bytes(tradeId).length <= 128);
        amount = between(amount, 1, CAP);
        mint(first, amount, tradeId);

        vm.expectRevert(abi.encodeWithSelector(RATMintingContract.BrokerTradeAlreadyUsed.selector, tradeId));
        mint(second, again, tradeId);

        vm.assertEq(token.totalSupply(), amount);
    }

    function testFuzz_only_the_minter_mints(address stranger, uint256 amount) public {
        vm.assume(stranger != MINTER);
        bytes32 role = token.MINTER_ROLE();

        expectLacks(stranger, role);
        token.mint(stranger, amount, "trade-1");

        vm.assertEq(token.totalSupply(), 0);
        vm.assertFalse(token.usedBrokerTrade(keccak256("trade-1")));
    }

    function testFuzz_supply_is_the_sum_of_what_different_trades_minted(
        uint256 toAlice,
        uint256 toBob,
        string calldata firstId,
        string calldata secondId
    ) public {
        vm.assume(bytes(firstId).length != 0 && bytes(firstId).length <= 128);
        vm.assume(bytes(secondId).length != 0 && bytes(secondId).length <= 128);
        vm.assume(keccak256(bytes(firstId)) != keccak256(bytes(secondId)));
        toAlice = between(toAlice, 1, CAP / 2);
        toBob = between(toBob, 1, CAP / 2);
        mint(ALICE, toAlice, firstId);
        mint(BOB, toBob, secondId);

        vm.assertEq(token.balanceOf(ALICE), toAlice);
        vm.assertEq(token.balanceOf(BOB), toBob);
        vm.assertEq(token.totalSupply(), toAlice + toBob);
    }

    function test_mint_of_nothing_reverts_and_leaves_its_trade_unused() public {
        assertMintRefused(ALICE, 0, abi.encodeWithSelector(RATMintingContract.ZeroAmount.selector, LAST));
    }

    function test_mint_without_a_trade_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(RATMintingContract.InvalidIdLength.selector, 0));
        mint(ALICE, QUARTER, "");
        vm.assertEq(token.totalSupply(), 0);
    }

    function test_an_id_of_128_bytes_mints_and_one_of_129_does_not() public {
        mint(ALICE, QUARTER, string(new bytes(128)));
        vm.assertEq(token.balanceOf(ALICE), QUARTER);

        vm.expectRevert(abi.encodeWithSelector(RATMintingContract.InvalidIdLength.selector, 129));
        mint(ALICE, QUARTER, string(new bytes(129)));
        vm.assertEq(token.totalSupply(), QUARTER);
    }

    function test_mint_to_nobody_reverts() public {
        assertMintRefused(
            address(0), QUARTER, abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0))
        );
    }

    function test_mint_to_an_address_frozen_as_a_whole_reverts() public {
        uint256 whole = token.WHOLE_ADDRESS();
        vm.prank(COMPLIANCE);
        token.setFrozenTokens(ALICE, whole, CASE);
        assertMintRefused(ALICE, QUARTER, abi.encodeWithSelector(IERC7943Fungible.ERC7943CannotReceive.selector, ALICE));
    }

    // --- "It is done" is said before anything else, because callers act on it ----------------------------------------

    function test_a_used_trade_is_reported_as_used_whatever_else_is_wrong() public {
        mint(ALICE, QUARTER, LAST);
        MockFeed feed = new MockFeed(18, 1 ether);
        vm.prank(RESERVE_ADMIN);
        token.setReserveFeed(address(feed), 1 hours, 0);
        assertUsed(ALICE, 0); // nothing to mint
        assertUsed(ALICE, 2 ether); // reserves
        feed.setBroken(true);
        assertUsed(ALICE, QUARTER); // no reserves at all
        assertUsed(ALICE, CAP); // the day's cap
        assertUsed(ALICE, ALLOWANCE); // the minter's allowance
        assertUsed(address(0), QUARTER); // the receiver
        vm.prank(PAUSER);
        token.pauseMinting();
        assertUsed(ALICE, QUARTER);
        bytes32 role = token.MINTER_ROLE();
        vm.prank(ADMIN);
        token.revokeRole(role, MINTER);
        assertUsed(ALICE, QUARTER); // no minter any more
        vm.assertEq(token.totalSupply(), QUARTER);
    }

    function assertUsed(address to, uint256 amount) private {
        vm.expectRevert(abi.encodeWithSelector(RATMintingContract.BrokerTradeAlreadyUsed.selector, LAST));
        mint(to, amount, LAST);
    }
}
