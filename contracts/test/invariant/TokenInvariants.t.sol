// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC7943Fungible} from "../../src/interfaces/IERC7943Fungible.sol";
import {RATMintingContract} from "../../src/RATMintingContract.sol";
import {Enforcement} from "../../src/token/Enforcement.sol";
import {MintLimits} from "../../src/token/MintLimits.sol";
import {ReserveGate} from "../../src/token/ReserveGate.sol";
import {MockFeed} from "../MockFeed.sol";
import {ForgeTest} from "../Vm.sol";
import {Handler} from "./Handler.sol";

/// @dev What holds after anything, in any order. Each function runs the campaign of foundry.toml: 64 runs of 150 calls.
contract TokenInvariantsTest is ForgeTest {
    RATMintingContract private token;
    Handler private handler;

    function setUp() public {
        vm.warp(20_700 days);
        token = new RATMintingContract("Apple Inc. RAT", "AAPL-RAT", "AAPL", address(this), 0, "", 0);
        MockFeed feed = new MockFeed(18, 20 ether);
        handler = new Handler(token, feed);
        token.grantRole(token.MINTER_ROLE(), handler.MINTER_A());
        token.grantRole(token.MINTER_ROLE(), handler.MINTER_B());
        token.grantRole(token.PAUSER_ROLE(), handler.OFFICER());
        token.grantRole(token.COMPLIANCE_ROLE(), handler.OFFICER());
        token.grantRole(token.RESERVE_ADMIN_ROLE(), handler.OFFICER());
        vm.startPrank(handler.OFFICER());
        token.setReserveFeed(address(feed), 1 days, handler.MARGIN());
        vm.stopPrank();
        token.beginDefaultAdminTransfer(address(handler));
        vm.warp(block.timestamp + 1);
        vm.prank(address(handler));
        token.acceptDefaultAdminTransfer();
        handler.setCap(10 ether);
        for (uint8 i = 0; i < 12; ++i) {
            handler.raiseAllowance(i, 1 ether);
        }
    }

    /// @dev forge asks here what to call at random.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_the_books_agree_and_no_rule_was_broken() external view {
        if (handler.faultsFound() > 0) vm.assertTrue(false, handler.faults(0));
        vm.assertEq(token.totalSupply(), handler.minted() - handler.burned(), "supply = minted - burned");
    }

    /// @dev What takes longer to check, at the end of each run.
    function afterInvariant() public view {
        uint256 held;
        for (uint256 i = 0; i < 4; ++i) {
            held += token.balanceOf(handler.holders(i));
        }
        vm.assertEq(held, token.totalSupply(), "supply = sum of balances");
        _assertTrades();
        _assertLimits();
    }

    /// @dev A campaign that never comes near a limit proves nothing about it: a random walk through the handler must be
    /// refused for every reason there is, and mint, too.
    function test_the_handler_meets_every_limit() external {
        for (uint256 i = 0; i < 2000; ++i) {
            _step(uint256(keccak256(abi.encode("Agora", i))));
        }
        bytes4[13] memory reasons = [
            RATMintingContract.BrokerTradeAlreadyUsed.selector,
            RATMintingContract.RedemptionAlreadyUsed.selector,
            RATMintingContract.ZeroAmount.selector,
            IAccessControl.AccessControlUnauthorizedAccount.selector,
            MintLimits.MintingPaused.selector,
            MintLimits.MinterAllowanceExceeded.selector,
            MintLimits.DailyMintCapExceeded.selector,
            ReserveGate.ReservesInsufficient.selector,
            ReserveGate.ReservesStale.selector,
            ReserveGate.ReserveFeedFailed.selector,
            Enforcement.TransfersPaused.selector,
            IERC7943Fungible.ERC7943CannotReceive.selector,
            IERC7943Fungible.ERC7943InsufficientUnfrozenBalance.selector
        ];
        for (uint256 i = 0; i < reasons.length; ++i) {
            vm.assertTrue(handler.refusals(reasons[i]) > 0, string(abi.encodePacked(bytes1(uint8(65 + i)))));
        }
        vm.assertTrue(handler.refusals("none") > 20, "mints");
        this.invariant_the_books_agree_and_no_rule_was_broken();
        afterInvariant();
    }

    function _step(uint256 dice) private {
        (uint8 a, uint8 b, uint8 c) = (uint8(dice), uint8(dice >> 8), uint8(dice >> 16));
        uint256 amount = dice >> 32;
        uint8 what = uint8((dice >> 24) % 16);
        if (what < 6) handler.mint(a, b, amount, c);
        else if (what == 6) handler.transfer(a, b, amount);
        else if (what == 7) handler.burn(a, amount, c);
        else if (what == 8) handler.freeze(a, amount, b % 4 == 0);
        else if (what == 9) handler.force(a, b, amount);
        else if (what == 10) handler.pause(a);
        else if (what == 11) handler.setCap(uint96(amount));
        else if (what == 12) handler.raiseAllowance(a, amount);
        else if (what <= 14) handler.attest(amount, b % 2 == 0);
        else handler.wait(amount);
    }

    /// @dev Each id at most once, and what was minted is the sum over the ids.
    function _assertTrades() private view {
        uint256 sum;
        for (uint256 trade = 0; trade < handler.TRADES(); ++trade) {
            bytes32 key = keccak256(abi.encodePacked("trade-", uint8(trade)));
            vm.assertLe(handler.mintsOf(key), 1, "each id once");
            vm.assertEq(token.usedBrokerTrade(key) ? 1 : 0, handler.mintsOf(key), "used = minted");
            sum += handler.amountOf(key);
        }
        vm.assertEq(sum, handler.minted(), "minted = sum over ids");
    }

    function _assertLimits() private view {
        uint256 today = block.timestamp / 1 days;
        for (uint256 day = 20_700; day <= today; ++day) {
            vm.assertLe(handler.mintedOn(day), handler.highestCapOn(day), "a day within its cap");
        }
        vm.assertEq(token.mintedToday(), handler.mintedOn(today), "mintedToday");
        address[2] memory minters = [handler.MINTER_A(), handler.MINTER_B()];
        for (uint256 i = 0; i < 2; ++i) {
            uint256 left = handler.granted(minters[i]) - handler.mintedBy(minters[i]);
            vm.assertEq(token.minterAllowance(minters[i]), left, "allowance = granted - minted");
        }
    }
}
