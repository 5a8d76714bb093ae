// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RATMintingContract} from "../../src/RATMintingContract.sol";
import {MockFeed} from "../MockFeed.sol";
import {ForgeTest} from "../Vm.sol";

/// @dev Does anything in any order with a token, as every role and as strangers, and keeps books of its own: what must
/// have happened and what must not. Its amounts are about as large as its limits, so that each limit is met again and
/// again.
contract Handler is ForgeTest {
    uint256 public constant UNIT = 1 ether;
    uint8 public constant TRADES = 128; // few enough to be told twice, many enough to go on
    uint256 public constant MARGIN = UNIT;
    address public constant MINTER_A = address(0x1117A);
    address public constant MINTER_B = address(0x1117B);
    address public constant OFFICER = address(0x0FF1CE); // pauser, compliance and reserve admin
    address[4] public holders = [address(0xA11CE), address(0xB0B), address(0xCA401), address(0xDA7E)];

    RATMintingContract public immutable token;
    MockFeed public immutable feed;

    // our books
    uint256 public minted;
    uint256 public burned;
    mapping(bytes32 trade => uint256 times) public mintsOf;
    mapping(bytes32 trade => uint256 amount) public amountOf;
    mapping(uint256 day => uint256 amount) public mintedOn;
    mapping(uint256 day => uint256 cap) public highestCapOn;
    mapping(address minter => uint256 amount) public granted;
    mapping(address minter => uint256 amount) public mintedBy;
    mapping(bytes32 refusal => uint256 times) public refusals;
    string[] public faults;

    constructor(RATMintingContract token_, MockFeed feed_) {
        (token, feed) = (token_, feed_);
    }

    // --- Minting -----------------------------------------------------------------------------------------------------

    function mint(uint8 who, uint8 holder, uint256 amount, uint8 trade) external {
        bool asMinter = who % 8 != 0;
        address sender = who % 2 == 0 ? MINTER_A : MINTER_B;
        if (!asMinter) sender = OFFICER;
        amount = amount % 16 == 0 ? 0 : between(amount, 1, 4 * UNIT);
        trade %= TRADES;
        string memory tradeId = string(abi.encodePacked("trade-", trade));
        bytes32 key = keccak256(bytes(tradeId));
        uint256 left = token.minterAllowance(sender);
        uint256 room = _room();
        bool paused = token.mintingPaused();

        vm.prank(sender);
        try token.mint(holders[holder % 4], amount, tradeId) {
            uint256 day = block.timestamp / 1 days;
            (minted, mintedOn[day]) = (minted + amount, mintedOn[day] + amount);
            mintedBy[sender] += amount;
            if (++mintsOf[key] > 1) faults.push("a trade was minted twice");
            amountOf[key] = amount;
            if (paused) faults.push("minted while minting was stopped");
            if (!asMinter) faults.push("someone minted who is no minter");
            if (amount > left) faults.push("a minter exceeded its allowance");
            if (amount > room) faults.push("supply exceeds reserves less margin");
            ++refusals["none"];
        } catch (bytes memory reason) {
            ++refusals[bytes4(reason)];
            if (token.usedBrokerTrade(key) != (mintsOf[key] == 1)) faults.push("a refused mint used its trade up");
        }
    }

    // --- Holders -----------------------------------------------------------------------------------------------------

    function transfer(uint8 from, uint8 to, uint256 amount) external {
        address sender = holders[from % 4];
        uint256 free = _free(sender);
        bool allowed = token.canTransfer(sender, holders[to % 4], amount = between(amount, 0, 3 * UNIT));
        vm.prank(sender);
        try token.transfer(holders[to % 4], amount) {
            if (token.transfersPaused()) faults.push("transferred while transfers were stopped");
            if (amount > free) faults.push("frozen tokens were transferred");
            if (!allowed) faults.push("transferred though canTransfer said no");
        } catch (bytes memory reason) {
            ++refusals[bytes4(reason)];
            if (allowed && amount <= free) faults.push("canTransfer said yes and the transfer was refused");
        }
    }

    function burn(uint8 from, uint256 amount, uint8 redemption) external {
        address sender = holders[from % 4];
        uint256 free = _free(sender);
        amount = between(amount, 0, 3 * UNIT);
        string memory redemptionId = string(abi.encodePacked("redemption-", redemption));
        bool used = token.usedRedemption(sender, keccak256(bytes(redemptionId)));
        vm.prank(sender);
        try token.burn(amount, redemptionId) {
            burned += amount;
            if (used) faults.push("a redemption was burned for twice");
            if (token.transfersPaused()) faults.push("burned while transfers were stopped");
            if (amount > free) faults.push("frozen tokens were burned");
        } catch (bytes memory reason) {
            ++refusals[bytes4(reason)];
        }
    }

    // --- Officers ----------------------------------------------------------------------------------------------------

    function freeze(uint8 holder, uint256 amount, bool whole) external {
        amount = whole ? type(uint256).max : between(amount, 0, 4 * UNIT);
        vm.prank(OFFICER);
        token.setFrozenTokens(holders[holder % 4], amount, "case");
    }

    function force(uint8 from, uint8 to, uint256 amount) external {
        address holder = holders[from % 4];
        uint256 free = _free(holder);
        vm.prank(OFFICER);
        try token.forcedTransfer(holder, holders[to % 4], between(amount, 0, token.balanceOf(holder)), "case") {
            if (_free(holder) > free) faults.push("a forced transfer freed what was frozen");
        } catch (bytes memory reason) {
            ++refusals[bytes4(reason)];
        }
    }

    function pause(uint8 what) external {
        if (what % 8 == 0) {
            vm.prank(OFFICER);
            token.pauseMinting();
        } else if (what % 8 == 1) {
            vm.prank(OFFICER);
            token.pauseTransfers();
        } else if (what % 2 == 0) {
            token.unpauseMinting(); // this contract is the admin
        } else {
            token.unpauseTransfers();
        }
    }

    // --- Limits ------------------------------------------------------------------------------------------------------

    function setCap(uint96 cap) external {
        cap = uint96(between(cap, 0, 12 * UNIT));
        token.setDailyMintCap(cap);
        _noteCap();
    }

    function raiseAllowance(uint8 who, uint256 by) external {
        address minter = who % 2 == 0 ? MINTER_A : MINTER_B;
        by = between(by, 0, UNIT);
        token.raiseMinterAllowance(minter, by);
        granted[minter] += by;
    }

    function attest(uint256 reserves, bool broken) external {
        uint256 supply = token.totalSupply();
        reserves = between(reserves, supply > UNIT ? supply - UNIT : 1, supply + 8 * UNIT);
        feed.set(int256(reserves), block.timestamp);
        feed.setBroken(broken && reserves % 4 == 0);
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + between(time, 0, 10 hours) + (time % 4 == 0 ? 1 days : 0));
        _noteCap();
    }

    function faultsFound() external view returns (uint256) {
        return faults.length;
    }

    function _noteCap() private {
        uint256 day = block.timestamp / 1 days;
        uint256 cap = token.dailyMintCap();
        if (cap > highestCapOn[day]) highestCapOn[day] = cap;
    }

    function _free(address holder) private view returns (uint256) {
        (uint256 balance, uint256 frozen) = (token.balanceOf(holder), token.getFrozenTokens(holder));
        return balance > frozen ? balance - frozen : 0;
    }

    /// @dev What the reserves have room for, worked out apart from the token; nothing when the feed cannot be relied
    /// on.
    function _room() private view returns (uint256) {
        try feed.latestRoundData() returns (uint80, int256 answer, uint256, uint256 updatedAt, uint80) {
            if (block.timestamp > updatedAt + 1 days) return 0;
            uint256 taken = token.totalSupply() + MARGIN;
            return uint256(answer) > taken ? uint256(answer) - taken : 0;
        } catch {
            return 0;
        }
    }
}
