// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    AccessControlDefaultAdminRules
} from "@openzeppelin/contracts/access/extensions/AccessControlDefaultAdminRules.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {IERC7943Fungible} from "./interfaces/IERC7943Fungible.sol";
import {Enforcement} from "./token/Enforcement.sol";
import {MintLimits} from "./token/MintLimits.sol";
import {ReserveGate} from "./token/ReserveGate.sol";

/// @title The token of one listed security: 1 token (10**18 wei) stands for 1 share in custody.
/// @notice Each mint names the broker's trade that it answers, and no trade can be answered twice.
/// @dev The set of used trades lives here because it is the last line of defence: a database that was restored, a
/// signer that was asked twice or a worker that came back from the dead all end at the same revert.
contract RATMintingContract is ERC20Permit, Enforcement, MintLimits, ReserveGate {
    /// @notice The longest id of a trade or a redemption, in bytes.
    uint256 public constant MAX_ID_LENGTH = 128;

    /// @notice Which security the token stands for: keccak256 of its ticker, e.g. keccak256("AAPL").
    bytes32 public immutable assetHash;

    /// @notice Whether a broker trade has been minted, by keccak256 of its id.
    mapping(bytes32 brokerTradeHash => bool used) public usedBrokerTrade;

    /// @notice Whether a holder has burned for a redemption, by keccak256 of its id. Each holder has ids of its own, so
    /// that nobody can use up another's by burning dust under it first.
    mapping(address holder => mapping(bytes32 redemptionHash => bool used)) public usedRedemption;

    string private _termsUri;
    bytes32 private _termsHash;

    /// @notice Tokens were made for a broker's trade.
    /// @param brokerTradeHash keccak256 of `brokerTradeId`, so that one trade can be searched for.
    /// @param to Who received them.
    /// @param amount How many, in wei.
    /// @param brokerTradeId The broker's id of the trade, in clear, so that anyone can join mint and trade.
    event Minted(bytes32 indexed brokerTradeHash, address indexed to, uint256 amount, string brokerTradeId);

    /// @notice A holder gave tokens back.
    /// @param redemptionHash keccak256 of `redemptionId`.
    /// @param from Who gave them.
    /// @param amount How many, in wei.
    /// @param redemptionId The id of the redemption, in clear.
    event Burned(bytes32 indexed redemptionHash, address indexed from, uint256 amount, string redemptionId);

    /// @notice The terms under which the token stands for its security were set.
    /// @param uri Where the document is.
    /// @param documentHash keccak256 of its bytes.
    event TermsSet(string uri, bytes32 documentHash);

    /// @notice This trade has been minted before.
    /// @param brokerTradeId The id that was given.
    error BrokerTradeAlreadyUsed(string brokerTradeId);

    /// @notice This holder has burned for this redemption before.
    /// @param from Who tried.
    /// @param redemptionId The id that was given.
    error RedemptionAlreadyUsed(address from, string redemptionId);

    /// @notice A mint must name its trade, a burn its redemption, in 1 to 128 bytes.
    /// @param length How many bytes were given.
    error InvalidIdLength(uint256 length);

    /// @notice A mint or burn of nothing would use its id up.
    /// @param id The id that was given.
    error ZeroAmount(string id);

    /// @dev A trade that was minted says so before anything else is looked at, even the caller's role.
    modifier unlessMinted(string calldata brokerTradeId) {
        if (usedBrokerTrade[keccak256(bytes(brokerTradeId))]) revert BrokerTradeAlreadyUsed(brokerTradeId);
        _;
    }

    /// @notice Makes the token of one security; nothing is minted yet, and nobody but the admin may do anything.
    /// @param name The token's name, e.g. "Apple Inc. RAT".
    /// @param symbol The token's symbol, e.g. "AAPL-RAT".
    /// @param ticker The security's ticker, e.g. "AAPL".
    /// @param admin Who may give and take roles, and set the limits of minting.
    /// @param adminDelay How long the admin's place takes to change hands, in seconds.
    /// @param termsUri Where the terms are.
    /// @param termsHash keccak256 of their bytes.
    constructor(
        string memory name,
        string memory symbol,
        string memory ticker,
        address admin,
        uint48 adminDelay,
        string memory termsUri,
        bytes32 termsHash
    ) ERC20(name, symbol) ERC20Permit(name) AccessControlDefaultAdminRules(adminDelay, admin) {
        assetHash = keccak256(bytes(ticker));
        _setTerms(termsUri, termsHash);
    }

    /// @notice Makes tokens for one trade of the broker, once.
    /// @dev In this order: minted before (BrokerTradeAlreadyUsed, whatever else is wrong: callers take it for "it is
    /// done"); the caller's role; the arguments; minting stopped; the minter's allowance; the day's cap; reserves; the
    /// receiver.
    /// @param to Who receives them.
    /// @param amount How many, in wei (10**18 a share).
    /// @param brokerTradeId The broker's id of the trade that bought the shares.
    function mint(address to, uint256 amount, string calldata brokerTradeId)
        external
        unlessMinted(brokerTradeId)
        onlyRole(MINTER_ROLE)
    {
        bytes32 brokerTradeHash = _hashOf(brokerTradeId, amount);
        usedBrokerTrade[brokerTradeHash] = true;
        _spendMintLimits(_msgSender(), amount);
        _checkReserves(amount);
        _mint(to, amount);
        emit Minted(brokerTradeHash, to, amount, brokerTradeId);
    }

    /// @notice Gives tokens back for one redemption, once.
    /// @param amount How many, in wei.
    /// @param redemptionId The id of the redemption, agreed with the holder.
    function burn(uint256 amount, string calldata redemptionId) external {
        address from = _msgSender();
        bytes32 redemptionHash = _hashOf(redemptionId, amount);
        if (usedRedemption[from][redemptionHash]) revert RedemptionAlreadyUsed(from, redemptionId);
        usedRedemption[from][redemptionHash] = true;
        _burn(from, amount);
        emit Burned(redemptionHash, from, amount, redemptionId);
    }

    /// @notice Sets the terms under which the token stands for its security.
    /// @param uri Where the document is.
    /// @param documentHash keccak256 of its bytes.
    function setTerms(string calldata uri, bytes32 documentHash) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setTerms(uri, documentHash);
    }

    /// @notice The terms under which the token stands for its security.
    /// @return uri Where the document is.
    /// @return documentHash keccak256 of its bytes.
    function terms() external view returns (string memory uri, bytes32 documentHash) {
        return (_termsUri, _termsHash);
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId)
        public
        view
        override(AccessControlDefaultAdminRules, IERC165)
        returns (bool)
    {
        return interfaceId == type(IERC7943Fungible).interfaceId || super.supportsInterface(interfaceId);
    }

    /// @dev The hash of an id that is fit to be used.
    function _hashOf(string calldata id, uint256 amount) private pure returns (bytes32) {
        uint256 length = bytes(id).length;
        if (length == 0 || length > MAX_ID_LENGTH) revert InvalidIdLength(length);
        if (amount == 0) revert ZeroAmount(id);
        return keccak256(bytes(id));
    }

    function _setTerms(string memory uri, bytes32 documentHash) private {
        _termsUri = uri;
        _termsHash = documentHash;
        emit TermsSet(uri, documentHash);
    }

    // --- What Solidity wants said when two bases have the same function ---

    function _update(address from, address to, uint256 amount) internal override(ERC20, Enforcement) {
        super._update(from, to, amount);
    }

    function _revokeRole(bytes32 role, address account)
        internal
        override(AccessControlDefaultAdminRules, MintLimits)
        returns (bool)
    {
        return super._revokeRole(role, account);
    }

    function _suppliedTokens() internal view override returns (uint256) {
        return totalSupply();
    }
}
