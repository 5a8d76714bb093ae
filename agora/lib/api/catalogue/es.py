"""Español: (título, qué significa, qué hacer)."""

LABELS = {
    "problems": "Problemas",
    "intro": "Cada error de la API tiene uno de estos códigos. Decida por el código: no cambia.",
    "status": "Estado",
    "code": "Código",
    "meaning": "Qué significa",
    "action": "Qué hacer",
    "retryable": "¿Puede la misma solicitud tener éxito más tarde?",
    "yes": "Sí",
    "no": "No, cámbiela antes",
    "all": "Todos los problemas",
}

_KEY = "Use una clave o sesión que tenga lo que falta."
_AGAIN = "Pida un texto nuevo y fírmelo."

TEXTS: dict[str, tuple[str, str, str]] = {
    "invalid_request": (
        "La solicitud no es válida",
        "Uno o más campos faltan, tienen forma errónea o son desconocidos. `errors` indica cada uno por JSON pointer.",
        "Corrija los campos indicados en `errors` y envíela de nuevo.",
    ),
    "parse_error": (
        "No se puede leer el cuerpo",
        "El cuerpo no es JSON en UTF-8, o trae un nombre dos veces o un número que no lo es.",
        "Envíe un objeto JSON.",
    ),
    "cursor_invalid": (
        "La página pedida no existe",
        "`cursor` no fue dado por nosotros, o `limit` está fuera de rango.",
        "Use el `next_cursor` de la página anterior, tal como vino, o empiece sin él.",
    ),
    "idempotency_key_missing": (
        "Falta una Idempotency-Key",
        "Sin clave, repetir tras un tiempo agotado podría hacerlo dos veces.",
        "Envíe un UUID nuevo en la cabecera `Idempotency-Key`, o un `client_order_id` con la orden.",
    ),
    "idempotency_key_invalid": (
        "La Idempotency-Key no es válida",
        "Está vacía, supera los 255 caracteres o contiene algo más que ASCII imprimible.",
        "Envíe un UUID nuevo entre comillas dobles.",
    ),
    "not_found": (
        "No encontrado",
        "No existe, o es de otra persona: no decimos cuál de los dos.",
        "Revise la dirección y el id.",
    ),
    "method_not_allowed": (
        "Método no permitido",
        "La dirección existe, pero no para este método. `Allow` lista los que tiene.",
        "Use uno de los métodos de `Allow`.",
    ),
    "not_acceptable": ("Formato no disponible", "`Accept` pide algo distinto de JSON.", "Acepte `application/json`."),
    "idempotency_in_flight": (
        "La primera solicitud con esta clave sigue en curso",
        "La misma solicitud se envió hace un momento y aún no tiene respuesta.",
        "Espere `Retry-After` segundos y envíela de nuevo: recibirá la respuesta de la primera.",
    ),
    "body_too_large": ("El cuerpo es demasiado grande", "Aceptamos como máximo 64 KiB.", "Envíe menos."),
    "unsupported_media_type": (
        "Tipo de medio no admitido",
        "El cuerpo no está declarado como JSON.",
        "Envíe `Content-Type: application/json`.",
    ),
    "idempotency_key_reused": (
        "Esta Idempotency-Key se usó en otra solicitud",
        "La misma clave llegó con otro cuerpo en menos de 72 horas.",
        "Use una clave nueva para una solicitud nueva; repita una solicitud con el cuerpo que tenía.",
    ),
    "rate_limited": (
        "Demasiadas solicitudes",
        "Se agotó el cupo de esta clave o dirección. `RateLimit` y `RateLimit-Policy` dicen cuánto hay.",
        "Espere `Retry-After` segundos.",
    ),
    "internal_error": (
        "Algo salió mal de nuestro lado",
        "No es culpa de su solicitud, y ya nos avisaron.",
        "Envíe la misma solicitud en un momento, con la misma Idempotency-Key o el mismo client_order_id.",
    ),
    "not_authenticated": (
        "Falta una credencial",
        "La solicitud no tiene `Authorization: Bearer …`.",
        "Envíe una clave de API, o entre con una billetera para obtener un token de acceso.",
    ),
    "authentication_failed": (
        "La credencial no es válida",
        "La clave o el token es desconocido, venció, fue revocado o es de otro entorno.",
        "Renueve el token de acceso, o use otra clave.",
    ),
    "refresh_token_invalid": (
        "El token de renovación no es válido",
        "Es desconocido, o su sesión terminó.",
        "Entre con la billetera de nuevo.",
    ),
    "case_refused": (
        "Esto no se puede hacer con el caso",
        "Un caso solo avanza como permiten las reglas: por quien lo tiene, y por dos personas cuando es grave.",
        "Mire el caso de nuevo; su página ofrece lo que es posible.",
    ),
    "rule_invalid": (
        "Una regla de monitoreo no puede ser así",
        "Sus parámetros no corresponden a su tipo.",
        "Corrija los parámetros nombrados en la frase.",
    ),
    "hold_not_releasable": (
        "Este bloqueo no se puede levantar así",
        "Un bloqueo lo levanta quien lo puso, o dos personas.",
        "Proponga levantarlo; otra persona aprueba.",
    ),
    "order_not_uncertain": (
        "No hay nada que consultar en el bróker",
        "Solo se consulta una orden cuyo envío es incierto.",
        "Mire la orden de nuevo.",
    ),
    "order_not_holdable": (
        "No queda nada que bloquear",
        "La orden terminó.",
        "Mire la orden de nuevo.",
    ),
    "order_not_settleable": (
        "Esta orden no se puede liquidar así",
        "Dos personas solo liquidan una orden cuyas sumas difieren de las del bróker, o que el bróker nunca conoció.",
        "Mire qué espera; una orden incierta se consulta hasta que sea cierta.",
    ),
    "order_not_closable": (
        "Esta orden no se puede cerrar",
        "Solo se cierra una orden cuya transferencia o emisión falló y que se resolvió por fuera.",
        "Mire qué espera; una orden incierta se consulta hasta que sea cierta.",
    ),
    "custody_not_looked_up": (
        "No hay nada que consultar en el custodio",
        "Solo se consulta una transferencia que el custodio recibió y que no terminó.",
        "Mire la transferencia de nuevo.",
    ),
    "custody_not_closable": (
        "La orden no se puede cerrar por este registro",
        "Solo una transferencia fallida cierra una orden.",
        "Mire la transferencia de nuevo.",
    ),
    "mint_not_nudgeable": (
        "No hay bytes de esta emisión para enviar o buscar",
        "Solo los tiene una emisión firmada o enviada.",
        "Mire la emisión de nuevo.",
    ),
    "token_not_switchable": (
        "El token no se puede detener ni reanudar así",
        "Ya está detenido, en marcha o cambiando, o falta la otra persona. No se cambió nada.",
        "Mire la página del token: dice qué está en curso y quién puede hacer qué.",
    ),
    "mint_not_closable": (
        "La orden no se puede cerrar por esta emisión",
        "Solo una emisión fallida cierra una orden.",
        "Mire la emisión de nuevo.",
    ),
    "refresh_token_reused": (
        "El token de renovación ya fue usado",
        "Cada uno sirve para un canje. Un segundo uso significa que dos lo tienen; por eso se cerró la sesión.",
        "Entre con la billetera de nuevo y averigüe quién más tiene el token.",
    ),
    "insufficient_scope": (
        "Esta credencial no puede hacer eso",
        "La clave o sesión no tiene el alcance que esta operación necesita.",
        _KEY,
    ),
    "address_not_allowed": (
        "Esta clave no puede usarse desde su dirección",
        "La clave tiene una lista de redes, y la solicitud vino de fuera de ella.",
        "Envíela desde una red de la lista, o cambie la lista de la clave.",
    ),
    "permission_denied": ("No permitido", "Esta credencial no puede hacer eso.", _KEY),
    "not_a_customer": (
        "Este usuario no tiene cliente",
        "El usuario no es de un cliente (es del personal, por ejemplo).",
        "Use la credencial de un cliente.",
    ),
    "login_disabled": ("Este usuario está deshabilitado", "Nuestro personal lo deshabilitó.", "Escriba a soporte."),
    "api_key_unknown": (
        "No existe esa clave de API",
        "La clave no existe, terminó o es de otra persona.",
        "Liste sus claves, o cree una nueva.",
    ),
    "api_key_invalid": (
        "La clave de API no puede crearse así",
        "El nombre, los alcances o las redes no son válidos.",
        "Corrija lo que indica el detalle.",
    ),
    "webhook_refused": (
        "La firma no cubre este cuerpo",
        "Una notificación recibida no fue firmada por el proveedor.",
        "Solo los proveedores llaman a esta dirección.",
    ),
    "webhook_signature_invalid": (
        "La firma del webhook no es válida",
        "Una notificación recibida no fue firmada por el proveedor.",
        "Solo los proveedores llaman a esta dirección.",
    ),
    "webhook_keys_unavailable": (
        "Las claves para comprobar este webhook no están disponibles ahora; envíelo de nuevo",
        "Las claves públicas del proveedor no responden.",
        "Envíelo de nuevo más tarde.",
    ),
    "custody_not_retryable": (
        "Solo un registro de custodia fallido puede intentarse de nuevo",
        "El registro sigue en camino, o está completo.",
        "Nada: mire su estado.",
    ),
    "wallet_checksum_invalid": (
        "La dirección de la billetera no es válida",
        "No es una dirección en forma EIP-55: una letra errada no debe costar una emisión.",
        "Cópiela de la billetera: mayúsculas y minúsculas son parte de ella.",
    ),
    "signature_invalid": (
        "La firma no es de esta billetera",
        "La hizo otra clave, sobre otro texto, o en una forma que no aceptamos.",
        _AGAIN,
    ),
    "challenge_unknown": (
        "No hay nada que firmar en este navegador",
        "El desafío no fue dado por nosotros a quien llama.",
        _AGAIN,
    ),
    "challenge_used": ("Esto ya se firmó y se usó", "Cada texto sirve para un intento.", _AGAIN),
    "challenge_expired": ("La firma tardó demasiado", "Un texto vale por cinco minutos.", _AGAIN),
    "wallet_taken": (
        "Esta billetera pertenece a otro cliente",
        "Una billetera queda ligada a un solo cliente, para siempre.",
        "Use otra billetera, o entre con esta.",
    ),
    "chain_not_supported": (
        "La billetera está en otra red",
        "Se entra en la red en la que emitimos.",
        "Cambie la billetera a la red que indica el detalle.",
    ),
    "chain_unavailable": (
        "No se puede consultar la red ahora",
        "Nuestros nodos de la red no responden.",
        "Intente de nuevo tras `Retry-After` segundos.",
    ),
    "tax_id_taken": (
        "Este CPF o RUC ya está registrado",
        "Otro cliente lo tiene.",
        "Entre con la billetera usada antes, o escriba a soporte.",
    ),
    "kyc_not_open": (
        "La verificación de identidad no puede cambiarse ahora",
        "Ya tenemos una solicitud, o la respuesta es definitiva.",
        "Espere la respuesta.",
    ),
    "confirmation_invalid": (
        "Este enlace ya no funciona",
        "Se usó, fue reemplazado por uno más nuevo, o es demasiado viejo.",
        "Pida un enlace nuevo.",
    ),
    "profile_invalid": (
        "Falta algo o algo no está bien",
        "El nombre, el correo o el país no está como lo necesitamos.",
        "Corrija lo que indica el detalle.",
    ),
    "tax_id_invalid": (
        "El CPF o RUC no es válido",
        "Los dígitos verificadores no coinciden.",
        "Revise los dígitos.",
    ),
    "consent_missing": (
        "Lea y acepte los avisos",
        "Uno de los textos vigentes no fue aceptado.",
        "Muestre `GET /api/v1/disclosures` y envíe los ids que el cliente aceptó.",
    ),
    "kyc_not_approved": (
        "Su verificación de identidad aún no está aprobada",
        "Solo los clientes aprobados pueden comprar.",
        "Espere la respuesta; `GET /api/v1/users/me` la muestra.",
    ),
    "on_hold": (
        "Las operaciones están en pausa",
        "El cliente, el activo o todo está en pausa. Nada se perdió.",
        "Espere: nuestro personal ya lo sabe.",
    ),
    "no_tier": (
        "Su cuenta aún no tiene límites definidos",
        "El registro no está completo.",
        "Complételo, o escriba a soporte.",
    ),
    "wallet_not_registered": (
        "Esta billetera no es suya",
        "Los tokens solo van a una billetera que el cliente probó ser suya.",
        "Agregue la billetera a la cuenta antes.",
    ),
    "daily_limit_reached": (
        "Es más de lo que puede comprar hoy",
        "La orden supera lo que queda del límite del día.",
        "Pida menos, o espere la renovación que indica `GET /api/v1/limits`.",
    ),
    "portfolio_cap_reached": (
        "Es más de lo que puede tener",
        "La orden supera lo que queda del tope de la cartera.",
        "Pida menos, o solicite un nivel mayor.",
    ),
    "below_lot_minimum": (
        "La cantidad está por debajo de su mínimo",
        "El nivel del cliente tiene un mínimo por orden.",
        "Pida al menos lo que indica el detalle.",
    ),
    "client_order_id_reused": (
        "Este client_order_id se usó en otra orden",
        "Un id nombra una orden para siempre.",
        "Use uno nuevo para una orden nueva.",
    ),
    "order_not_cancellable": (
        "Esta orden ya no puede cancelarse",
        "Fue ejecutada, rechazada o venció.",
        "Lea la orden: su estado dice qué pasó con ella.",
    ),
    "unknown_asset": (
        "Este activo no se ofrece",
        "No tenemos un activo con ese símbolo.",
        "`GET /api/v1/assets` lista lo que se ofrece.",
    ),
    "asset_not_tradable": ("Este activo no puede comprarse ahora", "Está en pausa.", "Intente más tarde."),
    "quantity_too_small": (
        "La cantidad está por debajo del mínimo",
        "Cada activo tiene un mínimo por orden.",
        "Pida al menos lo que indica el detalle.",
    ),
    "quantity_too_large": (
        "La cantidad está por encima del máximo",
        "Cada activo tiene un máximo por orden.",
        "Pida menos, o en partes.",
    ),
    "busy": (
        "Demasiadas solicitudes a la vez",
        "Otras cambiaron las mismas filas en el mismo momento, una y otra vez. La suya no cambió nada.",
        "Intente de nuevo tras `Retry-After` segundos, tal como está.",
    ),
    "database_unavailable": (
        "No podemos guardar nada ahora",
        "No se puede acceder a nuestra base de datos, o no acepta nada más. La culpa no es de su solicitud.",
        "Intente de nuevo en unos segundos, tal como está. Órdenes con el mismo `client_order_id` no se repiten.",
    ),
    "price_unavailable": (
        "No tenemos un precio reciente ahora",
        "El límite se cuenta a un precio del último minuto, y no lo hay. No se pidió nada.",
        "Intente de nuevo tras `Retry-After` segundos.",
    ),
    "login_unknown": (
        "No existe ese usuario",
        "El nombre o correo no es de nadie.",
        "Revíselo.",
    ),
    "sign_in_again": (
        "Inicie sesión de nuevo primero",
        "Lo que pide exige un inicio de sesión de los últimos minutos.",
        "Inicie sesión de nuevo y repítalo.",
    ),
    "deletion_not_open": (
        "No hay una solicitud abierta para eliminar esta cuenta",
        "No hay ninguna, o fue decidida o retirada.",
        "Pida la eliminación primero.",
    ),
    "deletion_blocked": (
        "La cuenta aún no puede cerrarse",
        "Algo de la cuenta sigue en camino o en custodia.",
        "Haga lo que indica el detalle y pídalo de nuevo.",
    ),
    "second_person_needed": (
        "Hace falta una segunda persona",
        "Quien lo pidió no puede también aprobarlo.",
        "Pida a un colega que lo apruebe.",
    ),
    "second_factor_needed": (
        "Hace falta un segundo factor reciente",
        "El último código se dio hace demasiado tiempo.",
        "Dé un código nuevo y repítalo.",
    ),
    "webhook_url_refused": (
        "No podemos enviar webhooks a esta URL",
        "No es https, o su nombre lleva a una dirección que no es pública.",
        "Dé una URL https pública en el puerto 443 u 8443.",
    ),
    "event_type_unknown": (
        "No existe ese tipo de evento",
        "`event_types` nombra uno que no tenemos.",
        "docs/asyncapi.yaml los lista.",
    ),
    "event_cursor_unknown": (
        "No existe ese evento desde el cual seguir",
        "`after` no es el id de un evento de este cliente.",
        "Use el `next_after` de la página anterior, tal como vino.",
    ),
    "too_many_endpoints": (
        "Ya tiene todos los endpoints permitidos",
        "Hay un límite de endpoints por cliente.",
        "Elimine uno antes.",
    ),
    "endpoint_not_active": (
        "El endpoint está deshabilitado",
        "No se envía nada a un endpoint deshabilitado.",
        "Habilítelo primero.",
    ),
    "rotation_open": (
        "El último cambio del secreto no ha terminado",
        "Ya firman dos secretos.",
        "Espere hasta `previous_secret_until`, o cambie con solapamiento 0.",
    ),
    "reserve_report_unknown": (
        "No existe ese informe de reservas",
        "Ningún informe publicado tiene ese activo y número.",
        "`GET /api/v1/reserves/reports` los lista.",
    ),
    "reserve_report_refused": (
        "Esto no puede hacerse con este informe de reservas",
        "No está en ese paso, o su plazo terminó.",
        "Mire su estado.",
    ),
    "inclusion_proof_unknown": (
        "Esta dirección no está en el último informe de reservas",
        "No tenía tokens en el bloque del informe.",
        "Revise la dirección, o espere el próximo informe.",
    ),
    "break_refused": (
        "Esto no puede hacerse con esta diferencia",
        "Está cerrada, o no está en ese paso.",
        "Mire su estado.",
    ),
    "rate_refused": (
        "Este no es un tipo de cambio que pueda guardarse",
        "El tipo de cambio está fuera de rango, o es más viejo que el último.",
        "Revíselo.",
    ),
    "proposal_refused": (
        "Esta propuesta no puede decidirse ni ejecutarse",
        "Fue decidida, venció, o aquello de lo que trata cambió.",
        "Mírela de nuevo y, si hace falta, proponga otra vez.",
    ),
    "reason_has_tax_id": (
        "El motivo contiene un CPF o RUC",
        "Los motivos se guardan a la vista; el CPF y el RUC, nunca.",
        "Escriba el motivo sin él.",
    ),
    "second_factor_exists": (
        "Ya hay un segundo factor",
        "Un usuario tiene uno solo.",
        "Úselo, o pida que lo restablezcan.",
    ),
    "second_factor_invalid": (
        "El código no es correcto",
        "Se escribió mal, ya se usó, o su medio minuto terminó.",
        "Dé el código que la aplicación muestra ahora.",
    ),
    "switch_refused": (
        "Esto no puede pausarse ni reanudarse",
        "No nombra nada que pueda pausarse, usted ya lo pausó, o reanudarlo requiere dos personas.",
        "Lea el detalle; las reanudaciones se proponen en la consola.",
    ),
}
