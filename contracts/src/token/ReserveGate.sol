// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AggregatorV3Interface} from "../interfaces/AggregatorV3Interface.sol";
import {Roles} from "./Roles.sol";

/// @title Holds the supply within attested reserves: supply ≤ reserves − margin, at each mint.
/// @dev Whatever is wrong with the feed stops mints and nothing else: transfers, burns and the rest never look at it.
abstract contract ReserveGate is Roles {
    /// @notice The oldest answer that may be accepted at all.
    uint256 public constant MAX_RESERVE_AGE = 30 days;

    uint256 private constant TOKEN_DECIMALS = 18;
    uint256 private constant MAX_FEED_DECIMALS = 36;

    struct Gate {
        AggregatorV3Interface feed;
        uint96 maxAge; // in the feed's slot: without a feed, the gate costs a mint one read
        uint256 margin;
    }

    Gate private _gate;

    /// @notice The feed that bounds the supply was set.
    /// @param feed Where reserves are read; zero: nowhere, the supply is not bound.
    /// @param maxAge How old an answer may be, in seconds.
    /// @param margin How much must stay uncovered by tokens, in wei.
    event ReserveFeedSet(address indexed feed, uint256 maxAge, uint256 margin);

    /// @notice The reserves do not cover this mint.
    /// @param reserves What is in reserve, in wei, rounded down.
    /// @param needed Supply after the mint, and margin, in wei.
    error ReservesInsufficient(uint256 reserves, uint256 needed);

    /// @notice The feed's answer is too old.
    /// @param updatedAt When it was true.
    /// @param maxAge How old it may be, in seconds.
    error ReservesStale(uint256 updatedAt, uint256 maxAge);

    /// @notice The feed's answer claims a time that has not come.
    /// @param updatedAt Which time.
    error ReservesFromFuture(uint256 updatedAt);

    /// @notice The feed's answer is not positive, or beyond all sense.
    /// @param answer What it is.
    error ReservesInvalid(int256 answer);

    /// @notice The feed's latest round has no answer of its own.
    /// @param roundId The round.
    /// @param answeredInRound The round of its answer.
    error ReservesRoundIncomplete(uint80 roundId, uint80 answeredInRound);

    /// @notice The feed has no answer.
    /// @param feed Which feed.
    /// @param reason What it reverted with, e.g. ReportExpired(validUntil) of ReserveOracle.
    error ReserveFeedFailed(address feed, bytes reason);

    /// @notice The feed's answers cannot be scaled.
    /// @param decimals How many decimals they have.
    error ReserveDecimalsUnsupported(uint8 decimals);

    /// @notice The maximum age is zero, or beyond MAX_RESERVE_AGE.
    /// @param maxAge What was given, in seconds.
    error ReserveMaxAgeOutOfRange(uint256 maxAge);

    /// @notice The margin is beyond all sense.
    /// @param margin What was given, in wei.
    error ReserveMarginTooLarge(uint256 margin);

    /// @notice Sets the feed that bounds the supply from now on. RESERVE_ADMIN sets and replaces it; the admin removes
    /// it.
    /// @param feed Where reserves are read (ReserveOracle, or a Chainlink Proof-of-Reserve feed); zero removes the
    /// gate.
    /// @param maxAge How old an answer may be, in seconds.
    /// @param margin How much of the reserves must stay uncovered by tokens, in wei.
    function setReserveFeed(address feed, uint256 maxAge, uint256 margin) external {
        if (feed == address(0)) {
            _checkRole(DEFAULT_ADMIN_ROLE);
            delete _gate;
            emit ReserveFeedSet(address(0), 0, 0);
            return;
        }
        _checkRole(RESERVE_ADMIN_ROLE);
        if (maxAge == 0 || maxAge > MAX_RESERVE_AGE) revert ReserveMaxAgeOutOfRange(maxAge);
        if (margin > type(uint128).max) revert ReserveMarginTooLarge(margin);
        _scale(AggregatorV3Interface(feed), 1); // reverts if no feed is there, or one that could not be scaled
        _gate = Gate(AggregatorV3Interface(feed), uint96(maxAge), margin);
        emit ReserveFeedSet(feed, maxAge, margin);
    }

    /// @notice What bounds the supply.
    /// @return feed Where reserves are read; zero: nowhere.
    /// @return maxAge How old an answer may be, in seconds.
    /// @return margin How much must stay uncovered by tokens, in wei.
    function reserveFeed() external view returns (address feed, uint256 maxAge, uint256 margin) {
        return (address(_gate.feed), _gate.maxAge, _gate.margin);
    }

    /// @notice How much the reserves still cover; reverts as a mint would when the feed has lapsed.
    /// @return How much, in wei; without a feed, the largest number.
    function reserveHeadroom() external view returns (uint256) {
        if (address(_gate.feed) == address(0)) return type(uint256).max;
        uint256 reserves = _reserves();
        uint256 needed = _suppliedTokens() + _gate.margin;
        return reserves > needed ? reserves - needed : 0;
    }

    /// @dev Reverts unless there is no gate, or the reserves cover the supply and `amount` more.
    function _checkReserves(uint256 amount) internal view {
        if (address(_gate.feed) == address(0)) return;
        uint256 reserves = _reserves();
        uint256 needed = _suppliedTokens() + amount + _gate.margin;
        if (reserves < needed) revert ReservesInsufficient(reserves, needed);
    }

    /// @dev The token's total supply.
    function _suppliedTokens() internal view virtual returns (uint256);

    /// @dev What the feed answers, in wei, or a revert.
    function _reserves() private view returns (uint256) {
        AggregatorV3Interface feed = _gate.feed;
        // slither-disable-next-line unused-return (when the round began says nothing about the reserves)
        try feed.latestRoundData() returns (
            uint80 roundId, int256 answer, uint256, uint256 updatedAt, uint80 answeredInRound
        ) {
            if (roundId == 0 || answeredInRound < roundId) revert ReservesRoundIncomplete(roundId, answeredInRound);
            if (answer <= 0 || answer > type(int192).max) revert ReservesInvalid(answer);
            if (updatedAt > block.timestamp) revert ReservesFromFuture(updatedAt);
            if (block.timestamp - updatedAt > _gate.maxAge) revert ReservesStale(updatedAt, _gate.maxAge);
            return _scale(feed, uint256(answer));
        } catch (bytes memory reason) {
            revert ReserveFeedFailed(address(feed), reason);
        }
    }

    /// @dev From the feed's decimals to the token's. Exact upwards; downwards it loses what is less than a wei, which
    /// cannot cover a token. Read each time: Chainlink can put another aggregator behind a feed.
    function _scale(AggregatorV3Interface feed, uint256 answer) private view returns (uint256) {
        uint8 decimals = feed.decimals();
        if (decimals > MAX_FEED_DECIMALS) revert ReserveDecimalsUnsupported(decimals);
        return decimals <= TOKEN_DECIMALS
            ? answer * 10 ** (TOKEN_DECIMALS - decimals)
            : answer / 10 ** (decimals - TOKEN_DECIMALS);
    }
}
