// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AggregatorV3Interface} from "../src/interfaces/AggregatorV3Interface.sol";

/// @dev A Chainlink feed that says what it is told to.
contract MockFeed is AggregatorV3Interface {
    error Broken(uint256 since);

    uint8 public decimals;
    bool public broken;
    int256 private _answer;
    uint256 private _updatedAt;
    uint80 private _roundId = 7;
    uint80 private _answeredInRound = 7;

    constructor(uint8 decimals_, int256 answer) {
        decimals = decimals_;
        set(answer, block.timestamp);
    }

    function set(int256 answer, uint256 updatedAt) public {
        (_answer, _updatedAt) = (answer, updatedAt);
    }

    function setRound(uint80 roundId, uint80 answeredInRound) external {
        (_roundId, _answeredInRound) = (roundId, answeredInRound);
    }

    function setDecimals(uint8 decimals_) external {
        decimals = decimals_;
    }

    function setBroken(bool broken_) external {
        broken = broken_;
    }

    function description() external pure returns (string memory) {
        return "mock";
    }

    function version() external pure returns (uint256) {
        return 4;
    }

    function getRoundData(uint80) external view returns (uint80, int256, uint256, uint256, uint80) {
        return latestRoundData();
    }

    function latestRoundData() public view returns (uint80, int256, uint256, uint256, uint80) {
        if (broken) revert Broken(42);
        return (_roundId, _answer, _updatedAt, _updatedAt, _answeredInRound);
    }
}
