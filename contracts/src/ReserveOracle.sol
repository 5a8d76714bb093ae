// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {AggregatorV3Interface} from "./interfaces/AggregatorV3Interface.sol";

/// @title The reserves of one token, as k of n attestors signed them, readable as a Chainlink feed.
/// @notice Anyone may bring a report; what counts is who signed it. A report that ran out answers nobody.
/// @dev One oracle for one token, so that a wrong attestor set or a bad report reaches no other asset, and so that the
/// oracle is itself the feed: a Chainlink Proof-of-Reserve feed can take its place in `setReserveFeed`.
contract ReserveOracle is AggregatorV3Interface, EIP712, AccessControlDefaultAdminRules {
    /// @notice What attestors sign. A report that no longer holds is answered by a new one with a higher sequence.
    /// @param chainId Where the report counts.
    /// @param consumer The token that it is for.
    /// @param assetHash keccak256 of the security's ticker.
    /// @param reserves Shares in custody, with 18 decimals.
    /// @param asOf When that was true, in seconds since 1970.
    /// @param validUntil Until when it may be relied on; no longer than MAX_VALIDITY after `asOf`.
    /// @param sequence Higher than that of every report before.
    struct Report {
        uint256 chainId;
        address consumer;
        bytes32 assetHash;
        uint112 reserves;
        uint48 asOf;
        uint48 validUntil;
        uint48 sequence;
    }

    /// @dev What of a report must be kept: one storage slot.
    struct Latest {
        uint112 reserves;
        uint48 asOf;
        uint48 validUntil;
        uint48 sequence;
    }

    /// @notice The EIP-712 type of a report.
    bytes32 public constant REPORT_TYPEHASH = keccak256(
        "Report(uint256 chainId,address consumer,bytes32 assetHash,"
        "uint112 reserves,uint48 asOf,uint48 validUntil,uint48 sequence)"
    );

    /// @notice How long a report may be relied on at most, counted from its `asOf`.
    uint256 public constant MAX_VALIDITY = 7 days;

    /// @notice How many attestors there can be.
    uint256 public constant MAX_ATTESTORS = 16;

    /// @notice The token that the reports are for.
    address public immutable consumer;

    /// @notice keccak256 of the security's ticker.
    bytes32 public immutable assetHash;

    /// @notice How many attestors must sign a report.
    uint256 public threshold;

    /// @notice Whether an address is an attestor.
    mapping(address account => bool) public isAttestor;

    address[] private _attestors;
    Latest private _latest;

    /// @notice A report was accepted.
    /// @param sequence Its number.
    /// @param reserves Shares in custody, with 18 decimals.
    /// @param asOf When that was true.
    /// @param validUntil Until when it may be relied on.
    event ReportAccepted(uint48 indexed sequence, uint112 reserves, uint48 asOf, uint48 validUntil);

    /// @notice The attestors were set, and the report of those before was withdrawn.
    /// @param attestors Who may sign.
    /// @param threshold How many must.
    event AttestorsSet(address[] attestors, uint256 threshold);

    /// @notice The report is for another chain.
    /// @param chainId Which one.
    error WrongChain(uint256 chainId);

    /// @notice The report is for another token.
    /// @param consumer Which one.
    error WrongConsumer(address consumer);

    /// @notice The report is for another security.
    /// @param assetHash Which one.
    error WrongAsset(bytes32 assetHash);

    /// @notice A report with this number, or a higher one, was accepted before.
    /// @param sequence The report's.
    /// @param latest The accepted one's.
    error SequenceNotHigher(uint48 sequence, uint48 latest);

    /// @notice The report tells of a time before that of the accepted one.
    /// @param asOf The report's.
    /// @param latest The accepted one's.
    error ReportOutdated(uint48 asOf, uint48 latest);

    /// @notice The report tells of a time that has not come.
    /// @param asOf Which time.
    error ReportFromFuture(uint48 asOf);

    /// @notice The report has run out, or was withdrawn with its attestors (then zero).
    /// @param validUntil When it ran out.
    error ReportExpired(uint48 validUntil);

    /// @notice The report wants to be relied on for longer than MAX_VALIDITY.
    /// @param asOf When it was true.
    /// @param validUntil Until when it wants to be relied on.
    error ValidityTooLong(uint48 asOf, uint48 validUntil);

    /// @notice Too few attestors signed.
    /// @param signatures How many there are.
    /// @param threshold How many there must be.
    error TooFewSignatures(uint256 signatures, uint256 threshold);

    /// @notice Signatures must be in ascending order of their signers, each signer once.
    /// @param previous The signer before.
    /// @param signer The signer who should be greater.
    error SignersNotAscending(address previous, address signer);

    /// @notice Who signed this is no attestor; or it is another report that was signed.
    /// @param signer Who signed.
    error UnknownSigner(address signer);

    /// @notice The attestors must be in ascending order, each once, none of them zero.
    /// @param previous The attestor before.
    /// @param attestor The attestor who should be greater.
    error AttestorsNotAscending(address previous, address attestor);

    /// @notice The threshold must be from 1 to the number of attestors, and those at most MAX_ATTESTORS.
    /// @param threshold What was given.
    /// @param attestors How many attestors were given.
    error InvalidThreshold(uint256 threshold, uint256 attestors);

    /// @notice Only the latest report is kept here; earlier ones are in the events.
    /// @param roundId Which was asked for.
    error NoSuchRound(uint80 roundId);

    /// @notice Makes the oracle of one token; it answers nothing until a report is accepted.
    /// @param consumer_ The token that the reports are for.
    /// @param assetHash_ keccak256 of the security's ticker.
    /// @param admin Who may set the attestors.
    /// @param adminDelay How long the admin's place takes to change hands, in seconds.
    /// @param attestors_ Who may sign, in ascending order.
    /// @param threshold_ How many must.
    constructor(
        address consumer_,
        bytes32 assetHash_,
        address admin,
        uint48 adminDelay,
        address[] memory attestors_,
        uint256 threshold_
    ) EIP712("Agora ReserveOracle", "1") AccessControlDefaultAdminRules(adminDelay, admin) {
        consumer = consumer_;
        assetHash = assetHash_;
        _setAttestors(attestors_, threshold_);
    }

    /// @notice Brings a report. Who brings it does not matter.
    /// @param report What was signed.
    /// @param signatures Of at least `threshold` attestors, 65 bytes each, in ascending order of the signers'
    /// addresses.
    function submit(Report calldata report, bytes[] calldata signatures) external {
        _checkSubject(report);
        _checkTime(report);
        _checkSignatures(hashReport(report), signatures);
        _latest = Latest(report.reserves, report.asOf, report.validUntil, report.sequence);
        emit ReportAccepted(report.sequence, report.reserves, report.asOf, report.validUntil);
    }

    /// @notice Sets who may sign, and how many must. The report of those before is withdrawn: the feed answers nothing
    /// until the new attestors have signed one.
    /// @param attestors_ Who may sign, in ascending order.
    /// @param threshold_ How many must.
    function setAttestors(address[] calldata attestors_, uint256 threshold_) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setAttestors(attestors_, threshold_);
    }

    /// @notice Who may sign.
    /// @return The attestors, in ascending order.
    function attestors() external view returns (address[] memory) {
        return _attestors;
    }

    /// @notice The latest accepted report, whether or not it may still be relied on.
    /// @return reserves Shares in custody, with 18 decimals.
    /// @return asOf When that was true.
    /// @return validUntil Until when it may be relied on; zero: it was withdrawn, or there is none.
    /// @return sequence Its number; zero: there is none.
    function latestReport() external view returns (uint112 reserves, uint48 asOf, uint48 validUntil, uint48 sequence) {
        return (_latest.reserves, _latest.asOf, _latest.validUntil, _latest.sequence);
    }

    /// @inheritdoc AggregatorV3Interface
    function decimals() external pure override returns (uint8) {
        return 18;
    }

    /// @inheritdoc AggregatorV3Interface
    function description() external pure override returns (string memory) {
        return "Shares in custody, attested";
    }

    /// @inheritdoc AggregatorV3Interface
    function version() external pure override returns (uint256) {
        return 1;
    }

    /// @inheritdoc AggregatorV3Interface
    /// @dev Rounds are sequences; only the latest can be had.
    function getRoundData(uint80 roundId) external view override returns (uint80, int256, uint256, uint256, uint80) {
        if (roundId != _latest.sequence) revert NoSuchRound(roundId);
        return latestRoundData();
    }

    /// @inheritdoc AggregatorV3Interface
    /// @dev Reverts when the report has run out: also a reader who does not look at `updatedAt` must stop.
    function latestRoundData() public view override returns (uint80, int256, uint256, uint256, uint80) {
        Latest memory latest = _latest;
        if (block.timestamp > latest.validUntil) revert ReportExpired(latest.validUntil);
        return (latest.sequence, int256(uint256(latest.reserves)), latest.asOf, latest.asOf, latest.sequence);
    }

    /// @notice What an attestor signs for a report (EIP-712).
    /// @param report The report.
    /// @return The digest.
    function hashReport(Report calldata report) public view returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    REPORT_TYPEHASH,
                    report.chainId,
                    report.consumer,
                    report.assetHash,
                    report.reserves,
                    report.asOf,
                    report.validUntil,
                    report.sequence
                )
            )
        );
    }

    function _checkSubject(Report calldata report) private view {
        if (report.chainId != block.chainid) revert WrongChain(report.chainId);
        if (report.consumer != consumer) revert WrongConsumer(report.consumer);
        if (report.assetHash != assetHash) revert WrongAsset(report.assetHash);
    }

    function _checkTime(Report calldata report) private view {
        Latest memory latest = _latest;
        if (report.sequence <= latest.sequence) revert SequenceNotHigher(report.sequence, latest.sequence);
        if (report.asOf < latest.asOf) revert ReportOutdated(report.asOf, latest.asOf);
        if (report.asOf > block.timestamp) revert ReportFromFuture(report.asOf);
        if (block.timestamp > report.validUntil) revert ReportExpired(report.validUntil);
        if (report.validUntil > report.asOf + MAX_VALIDITY) revert ValidityTooLong(report.asOf, report.validUntil);
    }

    function _checkSignatures(bytes32 digest, bytes[] calldata signatures) private view {
        if (signatures.length < threshold) revert TooFewSignatures(signatures.length, threshold);
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            address signer = ECDSA.recoverCalldata(digest, signatures[i]);
            if (!isAttestor[signer]) revert UnknownSigner(signer);
            if (signer <= previous) revert SignersNotAscending(previous, signer);
            previous = signer;
        }
    }

    function _setAttestors(address[] memory attestors_, uint256 threshold_) private {
        uint256 count = attestors_.length;
        if (threshold_ == 0 || threshold_ > count || count > MAX_ATTESTORS) revert InvalidThreshold(threshold_, count);
        address[] memory before = _attestors;
        for (uint256 i = 0; i < before.length; ++i) {
            isAttestor[before[i]] = false;
        }
        address previous = address(0);
        for (uint256 i = 0; i < count; ++i) {
            address attestor = attestors_[i];
            if (attestor <= previous) revert AttestorsNotAscending(previous, attestor);
            isAttestor[attestor] = true;
            previous = attestor;
        }
        _attestors = attestors_;
        threshold = threshold_;
        _latest.validUntil = 0;
        emit AttestorsSet(attestors_, threshold_);
    }
}
