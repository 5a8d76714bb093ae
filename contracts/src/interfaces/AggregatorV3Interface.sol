// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What a token asks a reserve feed: the public ABI of Chainlink's data feeds.
/// @dev Written out here so that nothing but the five signatures is depended on. A Proof-of-Reserve feed has the same.
interface AggregatorV3Interface {
    /// @notice How many decimals `answer` has.
    /// @return The number of decimals.
    function decimals() external view returns (uint8);

    /// @notice What is measured.
    /// @return A sentence for people.
    function description() external view returns (string memory);

    /// @notice Which version of the feed this is.
    /// @return The version.
    function version() external view returns (uint256);

    /// @notice One round's answer.
    /// @param roundId The round asked for.
    /// @return id The round.
    /// @return answer What was measured, in units of 10**-decimals.
    /// @return startedAt When the round began.
    /// @return updatedAt When the answer was true.
    /// @return answeredInRound The round in which it was answered.
    function getRoundData(uint80 roundId)
        external
        view
        returns (uint80 id, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);

    /// @notice The latest round's answer.
    /// @return roundId The round.
    /// @return answer What was measured, in units of 10**-decimals.
    /// @return startedAt When the round began.
    /// @return updatedAt When the answer was true.
    /// @return answeredInRound The round in which it was answered.
    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
}
