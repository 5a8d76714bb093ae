"""What customers accept, word for word, in their language. A change of any text is a new VERSION."""

from accounts.states import DisclosureKind as Kind
from accounts.states import Language

VERSION = "2026-11"

TEXTS: dict[tuple[str, str], str] = {
    (Kind.RIGHTS, Language.EN): (
        "A token stands for one share that our custodian holds for you. It follows the share's price, up and "
        "down; you can lose what you pay. You are not entered in the company's register: you have no vote and "
        "receive no papers from it. Your claim is against Agora, for the share or its value. Tokens are not "
        "covered by a deposit guarantee. A transfer on the chain cannot be undone, and whoever holds your "
        "wallet's key holds your tokens."
    ),
    (Kind.RIGHTS, Language.PT_BR): (
        "Um token representa uma ação que o nosso custodiante guarda para você. Ele acompanha o preço da ação, "
        "para cima e para baixo; você pode perder o que pagou. Você não consta no registro da empresa: não vota "
        "nem recebe comunicados dela. O seu direito é contra a Agora, pela ação ou pelo seu valor. Tokens não têm"
        " garantia de depósito. Uma transferência na rede não pode ser desfeita, e quem tem a chave da sua "
        "carteira tem os seus tokens."
    ),
    (Kind.RIGHTS, Language.ES): (
        "Un token representa una acción que nuestro custodio guarda para usted. Sigue el precio de la acción, "
        "hacia arriba y hacia abajo; puede perder lo que pagó. Usted no figura en el registro de la empresa: no "
        "vota ni recibe sus comunicaciones. Su derecho es contra Agora, por la acción o por su valor. Los tokens "
        "no tienen garantía de depósitos. Una transferencia en la red no se puede deshacer, y quien tiene la "
        "clave de su billetera tiene sus tokens."
    ),
    (Kind.PRIVACY, Language.EN): (
        "We keep your name, e-mail, country and tax id to check who you are, to keep to your limits and to answer"
        " the authorities, and pass them to the company that checks identities for us and to no one else. The tax"
        " id is encrypted. Your wallet's address and your tokens are public on the chain; your name is not. You "
        "may ask for a copy of your data, correct it, or ask us to delete what the law does not make us keep."
    ),
    (Kind.PRIVACY, Language.PT_BR): (
        "Guardamos o seu nome, e-mail, país e CPF para verificar quem você é, cumprir os seus limites e responder"
        " às autoridades, e os passamos à empresa que verifica identidades para nós e a mais ninguém. O CPF fica "
        "criptografado. O endereço da sua carteira e os seus tokens são públicos na rede; o seu nome não. Você "
        "pode pedir uma cópia dos seus dados, corrigi-los ou pedir que apaguemos o que a lei não nos obriga a "
        "guardar (LGPD)."
    ),
    (Kind.PRIVACY, Language.ES): (
        "Guardamos su nombre, correo, país y RUC para verificar quién es, cumplir sus límites y responder a las "
        "autoridades, y los pasamos a la empresa que verifica identidades para nosotros y a nadie más. El RUC se "
        "guarda cifrado. La dirección de su billetera y sus tokens son públicos en la red; su nombre no. Puede "
        "pedir una copia de sus datos, corregirlos o pedir que borremos lo que la ley no nos obliga a guardar."
    ),
}
