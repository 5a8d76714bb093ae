// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReserveOracle} from "../../src/ReserveOracle.sol";
import {ReserveGate} from "../../src/token/ReserveGate.sol";
import {OracleTest} from "../OracleTest.sol";

contract ReserveOracleTest is OracleTest {
    ReserveOracle.Report private report;

    function setUp() public override {
        super.setUp();
        report = freshReport(10 ether);
    }

    // --- Accepting ---------------------------------------------------------------------------------------------------

    function test_a_report_that_enough_attestors_signed_is_accepted_from_anyone() public {
        bytes[] memory signatures = signed(report, 0, K);
        vm.expectEmit(address(oracle));
        emit ReserveOracle.ReportAccepted(1, 10 ether, report.asOf, report.validUntil);
        vm.prank(STRANGER);
        oracle.submit(report, signatures);

        (uint112 reserves, uint48 asOf, uint48 validUntil, uint48 sequence) = oracle.latestReport();
        vm.assertEq(reserves, 10 ether);
        vm.assertEq(asOf, report.asOf);
        vm.assertEq(validUntil, report.validUntil);
        vm.assertEq(sequence, 1);
    }

    function test_any_three_of_the_five_suffice_and_so_do_all() public {
        oracle.submit(report, signed(report, 2, K));
        report.sequence = 2;
        oracle.submit(report, signed(report, 0, 5));
        (,,, uint48 sequence) = oracle.latestReport();
        vm.assertEq(sequence, 2);
    }

    function test_sequences_may_leave_gaps_and_a_report_may_correct_one_of_the_same_time() public {
        submit(report);
        report.sequence = 9;
        report.reserves = 8 ether;
        submit(report);
        (uint112 reserves,,, uint48 sequence) = oracle.latestReport();
        vm.assertEq(reserves, 8 ether);
        vm.assertEq(sequence, 9);
    }

    function test_what_is_signed_is_eip712_of_all_seven_fields() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Agora ReserveOracle"),
                keccak256("1"),
                block.chainid,
                address(oracle)
            )
        );
        bytes32 hashed = keccak256(
            abi.encode(
                keccak256(
                    "Report(uint256 chainId,address consumer,bytes32 assetHash,"
                    "uint112 reserves,uint48 asOf,uint48 validUntil,uint48 sequence)"
                ),
                report.chainId,
                report.consumer,
                report.assetHash,
                uint256(report.reserves),
                uint256(report.asOf),
                uint256(report.validUntil),
                uint256(report.sequence)
            )
        );
        vm.assertEq(oracle.hashReport(report), keccak256(abi.encodePacked(hex"1901", domain, hashed)));
    }

    // --- Refusing what the report says -------------------------------------------------------------------------------

    function test_a_report_for_another_chain_token_or_security_is_refused() public {
        report.chainId = block.chainid + 1;
        assertRefused(abi.encodeWithSelector(ReserveOracle.WrongChain.selector, report.chainId));
        report.chainId = block.chainid;

        report.consumer = STRANGER;
        assertRefused(abi.encodeWithSelector(ReserveOracle.WrongConsumer.selector, STRANGER));
        report.consumer = address(token);

        report.assetHash = keccak256("MSFT");
        assertRefused(abi.encodeWithSelector(ReserveOracle.WrongAsset.selector, report.assetHash));
    }

    function test_a_report_signed_before_the_chain_forked_is_refused_on_the_fork() public {
        bytes[] memory signatures = signed(report, 0, K);
        vm.chainId(block.chainid + 1);
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.WrongChain.selector, report.chainId));
        oracle.submit(report, signatures);
    }

    function test_the_same_report_twice_or_an_older_one_is_refused() public {
        report.sequence = 5;
        submit(report);
        assertRefusedAfter(5, abi.encodeWithSelector(ReserveOracle.SequenceNotHigher.selector, 5, 5));
        report.sequence = 4;
        assertRefusedAfter(5, abi.encodeWithSelector(ReserveOracle.SequenceNotHigher.selector, 4, 5));
    }

    function test_the_first_sequence_is_one() public {
        report.sequence = 0;
        assertRefused(abi.encodeWithSelector(ReserveOracle.SequenceNotHigher.selector, 0, 0));
    }

    function test_a_report_of_a_time_before_the_latest_is_refused() public {
        submit(report);
        report.sequence = 2;
        report.asOf -= 1;
        assertRefusedAfter(
            1, abi.encodeWithSelector(ReserveOracle.ReportOutdated.selector, report.asOf, report.asOf + 1)
        );
    }

    function test_a_report_from_the_future_is_refused() public {
        report.asOf = uint48(block.timestamp + 1);
        assertRefused(abi.encodeWithSelector(ReserveOracle.ReportFromFuture.selector, report.asOf));
    }

    function test_a_report_is_taken_in_its_last_second_and_refused_after() public {
        vm.warp(report.validUntil + 1);
        assertRefused(abi.encodeWithSelector(ReserveOracle.ReportExpired.selector, report.validUntil));
        vm.warp(report.validUntil);
        submit(report);
    }

    function test_a_report_holds_for_a_week_at_the_longest() public {
        report.validUntil = report.asOf + 7 days + 1;
        assertRefused(abi.encodeWithSelector(ReserveOracle.ValidityTooLong.selector, report.asOf, report.validUntil));
        report.validUntil = report.asOf + 7 days;
        submit(report);
    }

    // --- Refusing who signed -----------------------------------------------------------------------------------------

    function test_too_few_signatures_are_refused() public {
        bytes[] memory signatures = signed(report, 0, K - 1);
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.TooFewSignatures.selector, K - 1, K));
        oracle.submit(report, signatures);
        signatures = new bytes[](0);
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.TooFewSignatures.selector, 0, K));
        oracle.submit(report, signatures);
    }

    function test_a_signer_counts_once() public {
        bytes[] memory signatures = signed(report, 0, K);
        signatures[1] = signatures[0];
        address signer = vm.addr(keys[0]);
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.SignersNotAscending.selector, signer, signer));
        oracle.submit(report, signatures);
    }

    function test_signers_out_of_order_are_refused() public {
        bytes[] memory signatures = signed(report, 0, K);
        (signatures[1], signatures[2]) = (signatures[2], signatures[1]);
        vm.expectRevert(
            abi.encodeWithSelector(ReserveOracle.SignersNotAscending.selector, vm.addr(keys[2]), vm.addr(keys[1]))
        );
        oracle.submit(report, signatures);
    }

    function test_a_stranger_among_the_signers_is_refused_even_when_enough_others_signed() public {
        bytes[] memory signatures = new bytes[](4);
        bytes[] memory good = signed(report, 0, K);
        (signatures[0], signatures[1], signatures[2]) = (good[0], good[1], good[2]);
        signatures[3] = signature(report, 0xBAD);
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.UnknownSigner.selector, vm.addr(0xBAD)));
        oracle.submit(report, signatures);
    }

    function test_signatures_of_another_report_are_refused() public {
        bytes[] memory signatures = signed(report, 0, K);
        report.reserves += 1;
        vm.expectPartialRevert(ReserveOracle.UnknownSigner.selector);
        oracle.submit(report, signatures);
    }

    function test_signatures_for_another_oracle_are_refused() public {
        bytes[] memory signatures = signed(report, 0, K);
        oracle = new ReserveOracle(address(token), keccak256("AAPL"), ADMIN, 0, addressesOf(keys), K);
        vm.expectPartialRevert(ReserveOracle.UnknownSigner.selector);
        oracle.submit(report, signatures);
    }

    function test_a_malleable_or_broken_signature_is_refused() public {
        bytes[] memory signatures = signed(report, 0, K);
        signatures[2] = hex"1234";
        vm.expectRevert(abi.encodeWithSignature("ECDSAInvalidSignatureLength(uint256)", 2));
        oracle.submit(report, signatures);

        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[2], oracle.hashReport(report));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes32 other = bytes32(order - uint256(s)); // the same signer's, as the curve has it
        signatures[2] = abi.encodePacked(r, other, v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(abi.encodeWithSignature("ECDSAInvalidSignatureS(bytes32)", other));
        oracle.submit(report, signatures);
    }

    function testFuzz_no_bit_of_a_signed_report_can_be_changed(uint112 reserves, uint48 sequence) public {
        vm.assume(reserves != report.reserves || sequence != report.sequence);
        vm.assume(sequence != 0);
        bytes[] memory signatures = signed(report, 0, K);
        (report.reserves, report.sequence) = (reserves, sequence);
        vm.expectPartialRevert(ReserveOracle.UnknownSigner.selector);
        oracle.submit(report, signatures);
    }

    // --- Attestors ---------------------------------------------------------------------------------------------------

    function test_new_attestors_replace_the_old_and_withdraw_their_report() public {
        submit(report);
        uint256[] memory old = keys;
        keys = sortedKeys(200, 2);
        address[] memory attestors = addressesOf(keys);
        vm.expectEmit(address(oracle));
        emit ReserveOracle.AttestorsSet(attestors, 2);
        vm.prank(ADMIN);
        oracle.setAttestors(attestors, 2);

        vm.assertEq(oracle.threshold(), 2);
        vm.assertEq(oracle.attestors().length, 2);
        vm.assertEq(oracle.attestors()[1], attestors[1]);
        vm.assertTrue(oracle.isAttestor(attestors[0]));
        for (uint256 i = 0; i < old.length; ++i) {
            vm.assertFalse(oracle.isAttestor(vm.addr(old[i])));
        }
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.ReportExpired.selector, 0));
        oracle.latestRoundData();

        report.sequence = 2; // sequences go on
        oracle.submit(report, signed(report, 0, 2));
        oracle.latestRoundData();
    }

    function test_an_attestor_may_stay() public {
        address[] memory attestors = oracle.attestors();
        vm.prank(ADMIN);
        oracle.setAttestors(attestors, 5);
        vm.assertTrue(oracle.isAttestor(attestors[0]));
        vm.assertTrue(oracle.isAttestor(attestors[4]));
    }

    function test_only_the_admin_sets_attestors() public {
        address[] memory attestors = oracle.attestors();
        expectLacks(STRANGER, 0);
        oracle.setAttestors(attestors, 1);
    }

    function test_the_threshold_is_from_one_to_the_number_of_attestors() public {
        address[] memory attestors = oracle.attestors();
        vm.startPrank(ADMIN);
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.InvalidThreshold.selector, 0, 5));
        oracle.setAttestors(attestors, 0);
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.InvalidThreshold.selector, 6, 5));
        oracle.setAttestors(attestors, 6);
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.InvalidThreshold.selector, 1, 17));
        oracle.setAttestors(addressesOf(sortedKeys(300, 17)), 1);
        oracle.setAttestors(addressesOf(sortedKeys(300, 16)), 16);
        vm.assertEq(oracle.threshold(), 16);
    }

    function test_attestors_are_ascending_each_once_and_none_is_zero() public {
        address[] memory attestors = oracle.attestors();
        address first = attestors[0];
        vm.startPrank(ADMIN);
        attestors[1] = first;
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.AttestorsNotAscending.selector, first, first));
        oracle.setAttestors(attestors, K);
        attestors[0] = address(0);
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.AttestorsNotAscending.selector, address(0), address(0)));
        oracle.setAttestors(attestors, K);
    }

    function test_an_oracle_knows_its_token_security_admin_and_attestors() public {
        vm.assertEq(oracle.consumer(), address(token));
        vm.assertEq(oracle.assetHash(), keccak256("AAPL"));
        vm.assertEq(oracle.defaultAdmin(), ADMIN);
        vm.assertEq(oracle.defaultAdminDelay(), ADMIN_DELAY);
        vm.assertEq(oracle.attestors().length, 5);
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.InvalidThreshold.selector, 0, 0));
        new ReserveOracle(address(token), 0, ADMIN, 0, new address[](0), 0);
    }

    // --- As a feed ---------------------------------------------------------------------------------------------------

    function test_it_reads_as_a_chainlink_feed() public {
        report.sequence = 7;
        submit(report);
        vm.warp(block.timestamp + 10 minutes);
        (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound) =
            oracle.latestRoundData();
        vm.assertEq(roundId, 7);
        vm.assertEq(uint256(answer), 10 ether);
        vm.assertEq(startedAt, report.asOf);
        vm.assertEq(updatedAt, report.asOf);
        vm.assertEq(answeredInRound, 7);
        (roundId, answer,,,) = oracle.getRoundData(7);
        vm.assertEq(roundId, 7);
        vm.assertEq(uint256(answer), 10 ether);
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.NoSuchRound.selector, 6));
        oracle.getRoundData(6);
        vm.assertEq(oracle.decimals(), 18);
        vm.assertEq(oracle.version(), 1);
        vm.assertEq(oracle.description(), "Shares in custody, attested");
    }

    function test_it_answers_nothing_before_the_first_report_and_after_the_last_ran_out() public {
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.ReportExpired.selector, 0));
        oracle.latestRoundData();
        submit(report);
        vm.warp(report.validUntil);
        oracle.latestRoundData();
        vm.warp(report.validUntil + 1);
        vm.expectRevert(abi.encodeWithSelector(ReserveOracle.ReportExpired.selector, report.validUntil));
        oracle.latestRoundData();
    }

    function test_the_token_mints_on_it_until_its_report_runs_out() public {
        vm.prank(RESERVE_ADMIN);
        token.setReserveFeed(address(oracle), 1 days, 0);
        submit(report);
        mint(ALICE, 9 ether, "trade-1");
        assertMintRefused(
            ALICE, 2 ether, abi.encodeWithSelector(ReserveGate.ReservesInsufficient.selector, 10 ether, 11 ether)
        );
        vm.warp(report.validUntil + 1);
        bytes memory reason = abi.encodeWithSelector(ReserveOracle.ReportExpired.selector, report.validUntil);
        assertMintRefused(
            ALICE, 1, abi.encodeWithSelector(ReserveGate.ReserveFeedFailed.selector, address(oracle), reason)
        );
    }

    function test_an_attestation_of_nothing_lets_nothing_be_minted() public {
        vm.prank(RESERVE_ADMIN);
        token.setReserveFeed(address(oracle), 1 days, 0);
        report.reserves = 0;
        submit(report);
        assertMintRefused(ALICE, 1, abi.encodeWithSelector(ReserveGate.ReservesInvalid.selector, int256(0)));
    }

    function assertRefused(bytes memory refusal) private {
        assertRefusedAfter(0, refusal);
    }

    /// @dev Well signed and refused nevertheless; the latest report stays what it was.
    function assertRefusedAfter(uint48 latest, bytes memory refusal) private {
        bytes[] memory signatures = signed(report, 0, K);
        vm.expectRevert(refusal);
        oracle.submit(report, signatures);
        (,,, uint48 sequence) = oracle.latestReport();
        vm.assertEq(sequence, latest);
    }
}
