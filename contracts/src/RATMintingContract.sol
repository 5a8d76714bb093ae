// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title The token of one listed security: 1 token (10**18 wei) stands for 1 share in custody.
/// @notice Each mint names the broker's trade that it answers, and no trade can be answered twice.
/// @dev The set of used trades lives here because it is the last line of defence: a database that was restored, a
/// signer that was asked twice or a worker that came back from the dead all end at the same revert.
contract RATMintingContract is ERC20, AccessControl {
    /// @notice Holders of this role may mint.
    bytes32 public constant MINTER_ROLE = keccak256("MINTER_ROLE");

    /// @notice Which security the token stands for: keccak256 of its ticker, e.g. keccak256("AAPL").
    bytes32 public immutable assetHash;

    /// @notice Whether a broker trade has been minted, by keccak256 of its id.
    mapping(bytes32 brokerTradeHash => bool used) public usedBrokerTrade;

    /// @notice Tokens were made for a broker's trade.
    /// @param brokerTradeHash keccak256 of `brokerTradeId`, so that one trade can be searched for.
    /// @param to Who received them.
    /// @param amount How many, in wei.
    /// @param brokerTradeId The broker's id of the trade, in clear, so that anyone can join mint and trade.
    event Minted(bytes32 indexed brokerTradeHash, address indexed to, uint256 amount, string brokerTradeId);

    /// @notice This trade has been minted before.
    /// @param brokerTradeId The id that was given.
    error BrokerTradeAlreadyUsed(string brokerTradeId);

    /// @notice A mint must name its trade.
    /// @param to Who would have received the tokens.
    /// @param amount How many there would have been, in wei.
    error EmptyBrokerTradeId(address to, uint256 amount);

    /// @notice A mint of nothing would use its trade's id up.
    /// @param brokerTradeId The id that was given.
    error ZeroAmount(string brokerTradeId);

    /// @notice Makes the token of one security; nothing is minted yet.
    /// @param name The token's name, e.g. "Apple Inc. RAT".
    /// @param symbol The token's symbol, e.g. "AAPL-RAT".
    /// @param ticker The security's ticker, e.g. "AAPL".
    /// @param admin Who may give and take roles.
    /// @param minter Who may mint.
    constructor(string memory name, string memory symbol, string memory ticker, address admin, address minter)
        ERC20(name, symbol)
    {
        assetHash = keccak256(bytes(ticker));
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(MINTER_ROLE, minter);
    }

    /// @notice Makes tokens for one trade of the broker, once.
    /// @param to Who receives them.
    /// @param amount How many, in wei (10**18 a share).
    /// @param brokerTradeId The broker's id of the trade that bought the shares.
    function mint(address to, uint256 amount, string calldata brokerTradeId) external onlyRole(MINTER_ROLE) {
        if (bytes(brokerTradeId).length == 0) revert EmptyBrokerTradeId(to, amount);
        if (amount == 0) revert ZeroAmount(brokerTradeId);
        bytes32 brokerTradeHash = keccak256(bytes(brokerTradeId));
        if (usedBrokerTrade[brokerTradeHash]) revert BrokerTradeAlreadyUsed(brokerTradeId);
        usedBrokerTrade[brokerTradeHash] = true;
        _mint(to, amount);
        emit Minted(brokerTradeHash, to, amount, brokerTradeId);
    }
}
