// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReserveOracle} from "../src/ReserveOracle.sol";
import {TokenTest} from "./TokenTest.sol";

/// @dev The token's oracle with five attestors, any three of whom suffice; `keys` are in the order of their addresses.
abstract contract OracleTest is TokenTest {
    uint256 internal constant K = 3;
    uint256[] internal keys;
    ReserveOracle internal oracle;

    function setUp() public virtual override {
        super.setUp();
        keys = sortedKeys(100, 5);
        oracle = new ReserveOracle(address(token), keccak256("AAPL"), ADMIN, ADMIN_DELAY, addressesOf(keys), K);
    }

    /// @dev A report that would be accepted now, as the first one.
    function freshReport(uint112 reserves) internal view returns (ReserveOracle.Report memory) {
        return ReserveOracle.Report({
            chainId: block.chainid,
            consumer: address(token),
            assetHash: keccak256("AAPL"),
            reserves: reserves,
            asOf: uint48(block.timestamp),
            validUntil: uint48(block.timestamp + 1 hours),
            sequence: 1
        });
    }

    /// @dev Signatures of the attestors from `first`, `count` of them.
    function signed(ReserveOracle.Report memory report, uint256 first, uint256 count)
        internal
        view
        returns (bytes[] memory signatures)
    {
        signatures = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            signatures[i] = signature(report, keys[first + i]);
        }
    }

    function signature(ReserveOracle.Report memory report, uint256 key) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, oracle.hashReport(report));
        return abi.encodePacked(r, s, v);
    }

    function submit(ReserveOracle.Report memory report) internal {
        oracle.submit(report, signed(report, 0, K));
    }

    /// @dev `count` keys from `first` on, in the order of their addresses.
    function sortedKeys(uint256 first, uint256 count) internal pure returns (uint256[] memory sorted) {
        sorted = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 place = i;
            for (; place > 0 && vm.addr(sorted[place - 1]) > vm.addr(first + i); --place) {
                sorted[place] = sorted[place - 1];
            }
            sorted[place] = first + i;
        }
    }

    function addressesOf(uint256[] memory keys_) internal pure returns (address[] memory addresses) {
        addresses = new address[](keys_.length);
        for (uint256 i = 0; i < keys_.length; ++i) {
            addresses[i] = vm.addr(keys_[i]);
        }
    }
}
