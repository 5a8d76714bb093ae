// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {OracleTest} from "../OracleTest.sol";
import {PlainToken} from "./PlainToken.sol";

/// @dev The gas of one mint, beside that of the plainest token that could do it. Each test makes one measured call, its
/// first to the token, so that every slot is cold, as in a transaction of its own. Counted is the call alone, without
/// the 21,000 of the transaction and its calldata, which would only flatter the ratio. script/gas.mjs reads them.
abstract contract GasTest is OracleTest {
    string private constant TRADE_ID = "6f1c3a52-7f5f-4a0e-9c3e-2d1b7a9c0e11"; // as the broker's are
    PlainToken private plain;

    function setUp() public virtual override {
        super.setUp();
        plain = new PlainToken(MINTER);
        vm.prank(MINTER);
        plain.mint(ALICE, 1 ether, "trade-1");
        mint(ALICE, 1 ether, "trade-1");
    }

    function measurePlain(address to, string memory name) internal {
        vm.prank(MINTER);
        plain.mint(to, 1 ether, keccak256(bytes(TRADE_ID)));
        vm.snapshotGasLastCall("mint", name);
    }

    function measureOurs(address to, string memory name) internal {
        mint(to, 1 ether, TRADE_ID);
        vm.snapshotGasLastCall("mint", name);
    }
}

contract MintGasTest is GasTest {
    function test_plain_to_holder() public {
        measurePlain(ALICE, "plain to holder");
    }

    function test_plain_to_newcomer() public {
        measurePlain(BOB, "plain to newcomer");
    }

    function test_ours_to_holder() public {
        measureOurs(ALICE, "ours to holder");
    }

    function test_ours_to_newcomer() public {
        measureOurs(BOB, "ours to newcomer");
    }
}

/// @dev The same with reserves to be looked up.
contract GatedMintGasTest is GasTest {
    function setUp() public override {
        super.setUp();
        vm.prank(RESERVE_ADMIN);
        token.setReserveFeed(address(oracle), 1 days, 1 ether);
        submit(freshReport(50 ether));
    }

    function test_gated_to_holder() public {
        measureOurs(ALICE, "gated to holder");
    }

    function test_gated_to_newcomer() public {
        measureOurs(BOB, "gated to newcomer");
    }
}
