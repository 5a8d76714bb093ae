// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {RATMintingContract} from "../src/RATMintingContract.sol";
import {ForgeTest} from "./Vm.sol";

contract RATMintingContractTest is ForgeTest {
    address private constant ADMIN = address(0xAD);
    address private constant MINTER = address(0x1117);
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);
    uint256 private constant QUARTER = 0.25 ether;

    RATMintingContract private token;

    function setUp() public {
        token = new RATMintingContract("Apple Inc. RAT", "AAPL-RAT", "AAPL", ADMIN, 1 days, "ipfs://terms", keccak256("terms"));
        vm.startPrank(ADMIN);
        token.grantRole(token.MINTER_ROLE(), MINTER);
        token.setMinterAllowance(MINTER, type(uint256).max);
        token.setDailyMintCap(type(uint96).max);
        vm.stopPrank();
    }

    function test_new_token_is_empty_and_names_its_security() public view {
        vm.assertEq(token.name(), "Apple Inc. RAT");
        vm.assertEq(token.symbol(), "AAPL-RAT");
        vm.assertEq(token.decimals(), 18);
        vm.assertEq(token.totalSupply(), 0);
        vm.assertEq(token.assetHash(), keccak256("AAPL"));
        vm.assertTrue(token.hasRole(token.DEFAULT_ADMIN_ROLE(), ADMIN));
        vm.assertTrue(token.hasRole(token.MINTER_ROLE(), MINTER));
        vm.assertFalse(token.hasRole(token.MINTER_ROLE(), ADMIN));
        vm.assertFalse(token.hasRole(token.DEFAULT_ADMIN_ROLE(), address(this)));
    }

    function test_mint_makes_tokens_marks_the_trade_and_tells_both() public {
        vm.expectEmit(address(token));
        emit RATMintingContract.Minted(keccak256("trade-1"), ALICE, QUARTER, "trade-1");
        vm.prank(MINTER);
        token.mint(ALICE, QUARTER, "trade-1");

        vm.assertEq(token.balanceOf(ALICE), QUARTER);
        vm.assertEq(token.totalSupply(), QUARTER);
        vm.assertTrue(token.usedBrokerTrade(keccak256("trade-1")));
    }

    function testFuzz_replay_reverts_whoever_and_how_much_it_is_for(
        address first,
        address second,
        uint64 amount,
        uint64 again,
        string calldata tradeId
    ) public {
        vm.assume(first != address(0) && amount != 0 && again != 0 && bytes(tradeId).length != 0 && bytes(tradeId).length <= 128);
        vm.prank(MINTER);
        token.mint(first, amount, tradeId);

        vm.expectRevert(abi.encodeWithSelector(RATMintingContract.BrokerTradeAlreadyUsed.selector, tradeId));
        vm.prank(MINTER);
        token.mint(second, again, tradeId);

        vm.assertEq(token.totalSupply(), amount);
    }

    function testFuzz_only_the_minter_mints(address stranger, uint64 amount) public {
        vm.assume(stranger != MINTER);
        bytes32 role = token.MINTER_ROLE();

        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, stranger, role)
        );
        vm.prank(stranger);
        token.mint(stranger, amount, "trade-1");

        vm.assertEq(token.totalSupply(), 0);
        vm.assertFalse(token.usedBrokerTrade(keccak256("trade-1")));
    }

    function testFuzz_supply_is_the_sum_of_what_different_trades_minted(
        uint64 toAlice,
        uint64 toBob,
        string calldata firstId,
        string calldata secondId
    ) public {
        vm.assume(toAlice != 0 && toBob != 0 && bytes(firstId).length != 0 && bytes(secondId).length != 0);
        vm.assume(keccak256(bytes(firstId)) != keccak256(bytes(secondId)));
        vm.prank(MINTER);
        token.mint(ALICE, toAlice, firstId);
        vm.prank(MINTER);
        token.mint(BOB, toBob, secondId);

        vm.assertEq(token.balanceOf(ALICE), toAlice);
        vm.assertEq(token.balanceOf(BOB), toBob);
        vm.assertEq(token.totalSupply(), uint256(toAlice) + toBob);
    }

    function test_mint_of_nothing_reverts_and_leaves_its_trade_unused() public {
        vm.expectRevert(abi.encodeWithSelector(RATMintingContract.ZeroAmount.selector, "trade-1"));
        vm.prank(MINTER);
        token.mint(ALICE, 0, "trade-1");

        vm.assertFalse(token.usedBrokerTrade(keccak256("trade-1")));
    }

    function test_mint_without_a_trade_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(RATMintingContract.InvalidIdLength.selector, 0));
        vm.prank(MINTER);
        token.mint(ALICE, QUARTER, "");

        vm.assertEq(token.totalSupply(), 0);
    }
}
