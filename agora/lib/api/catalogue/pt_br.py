"""Português do Brasil: (título, o que significa, o que fazer)."""

LABELS = {
    "problems": "Problemas",
    "intro": "Cada erro da API tem um destes códigos. Decida pelo código: ele não muda.",
    "status": "Status",
    "code": "Código",
    "meaning": "O que significa",
    "action": "O que fazer",
    "retryable": "A mesma requisição pode dar certo mais tarde?",
    "yes": "Sim",
    "no": "Não, altere-a antes",
    "all": "Todos os problemas",
}

_KEY = "Use uma chave ou sessão que tenha o que falta."
_AGAIN = "Peça um novo texto e assine-o."

TEXTS: dict[str, tuple[str, str, str]] = {
    "invalid_request": (
        "A requisição não é válida",
        "Um ou mais campos faltam, têm forma errada ou são desconhecidos. `errors` indica cada um por JSON pointer.",
        "Corrija os campos indicados em `errors` e envie de novo.",
    ),
    "parse_error": (
        "Não foi possível ler o corpo",
        "O corpo não é JSON em UTF-8, ou traz um nome duas vezes ou um número que não é número.",
        "Envie um objeto JSON.",
    ),
    "cursor_invalid": (
        "A página pedida não existe",
        "`cursor` não foi fornecido por nós, ou `limit` está fora do intervalo.",
        "Use o `next_cursor` da página anterior, como veio, ou comece sem ele.",
    ),
    "idempotency_key_missing": (
        "Falta uma Idempotency-Key",
        "Sem uma chave, repetir após um tempo esgotado poderia executar duas vezes.",
        "Envie um novo UUID no cabeçalho `Idempotency-Key`, ou um `client_order_id` com a ordem.",
    ),
    "idempotency_key_invalid": (
        "A Idempotency-Key não é válida",
        "Está vazia, tem mais de 255 caracteres ou contém algo além de ASCII imprimível.",
        "Envie um novo UUID entre aspas duplas.",
    ),
    "not_found": (
        "Não encontrado",
        "Não existe, ou é de outra pessoa: não dizemos qual dos dois.",
        "Confira o endereço e o id.",
    ),
    "method_not_allowed": (
        "Método não permitido",
        "O endereço existe, mas não para este método. `Allow` lista os que ele aceita.",
        "Use um dos métodos de `Allow`.",
    ),
    "not_acceptable": ("Formato não disponível", "`Accept` pede algo diferente de JSON.", "Aceite `application/json`."),
    "idempotency_in_flight": (
        "A primeira requisição com esta chave ainda está em andamento",
        "A mesma requisição foi enviada há pouco e ainda não foi respondida.",
        "Espere `Retry-After` segundos e envie de novo: você recebe a resposta da primeira.",
    ),
    "body_too_large": ("O corpo é grande demais", "Aceitamos no máximo 64 KiB.", "Envie menos."),
    "unsupported_media_type": (
        "Tipo de mídia não suportado",
        "O corpo não foi declarado como JSON.",
        "Envie `Content-Type: application/json`.",
    ),
    "idempotency_key_reused": (
        "Esta Idempotency-Key foi usada em outra requisição",
        "A mesma chave veio com outro corpo em menos de 72 horas.",
        "Use uma chave nova para uma requisição nova; repita uma requisição com o corpo que ela tinha.",
    ),
    "rate_limited": (
        "Requisições demais",
        "O limite desta chave ou endereço acabou. `RateLimit` e `RateLimit-Policy` dizem quanto há.",
        "Espere `Retry-After` segundos.",
    ),
    "internal_error": (
        "Algo deu errado do nosso lado",
        "A culpa não é da sua requisição, e já fomos avisados.",
        "Envie a mesma requisição em instantes, com a mesma Idempotency-Key ou o mesmo client_order_id.",
    ),
    "not_authenticated": (
        "Falta uma credencial",
        "A requisição não tem `Authorization: Bearer …`.",
        "Envie uma chave de API, ou entre com uma carteira para obter um token de acesso.",
    ),
    "authentication_failed": (
        "A credencial não é válida",
        "A chave ou o token é desconhecido, expirou, foi revogado ou é de outro ambiente.",
        "Renove o token de acesso, ou use outra chave.",
    ),
    "refresh_token_invalid": (
        "O token de renovação não é válido",
        "É desconhecido, ou a sessão terminou.",
        "Entre com a carteira de novo.",
    ),
    "case_refused": (
        "Isto não pode ser feito com o caso",
        "Um caso só anda como as regras permitem: por quem o tem, e por duas pessoas quando é grave.",
        "Veja o caso de novo; a página dele oferece o que é possível.",
    ),
    "rule_invalid": (
        "Uma regra de monitoramento não pode ser assim",
        "Os parâmetros não servem para o tipo dela.",
        "Corrija os parâmetros citados na frase.",
    ),
    "hold_not_releasable": (
        "Este bloqueio não pode ser retirado assim",
        "Um bloqueio é retirado por quem o pôs, ou por duas pessoas.",
        "Proponha a retirada; outra pessoa aprova.",
    ),
    "order_not_uncertain": (
        "Não há nada a consultar na corretora",
        "Só se consulta uma ordem cujo envio é incerto.",
        "Veja a ordem de novo.",
    ),
    "order_not_holdable": (
        "Não há mais nada a bloquear",
        "A ordem terminou.",
        "Veja a ordem de novo.",
    ),
    "order_not_settleable": (
        "Esta ordem não pode ser liquidada assim",
        "Duas pessoas só liquidam uma ordem cujas somas diferem das da corretora, ou que a corretora nunca conheceu.",
        "Veja o que ela espera; uma ordem incerta é consultada até ser certa.",
    ),
    "order_not_closable": (
        "Esta ordem não pode ser encerrada",
        "Só se encerra uma ordem cuja transferência ou emissão falhou e que foi resolvida por fora.",
        "Veja o que ela espera; uma ordem incerta é consultada até ser certa.",
    ),
    "custody_not_looked_up": (
        "Não há nada a consultar no custodiante",
        "Só se consulta uma transferência que o custodiante recebeu e que não terminou.",
        "Veja a transferência de novo.",
    ),
    "custody_not_closable": (
        "A ordem não pode ser encerrada por este registro",
        "Só uma transferência que falhou encerra uma ordem.",
        "Veja a transferência de novo.",
    ),
    "mint_not_nudgeable": (
        "Não há bytes desta emissão para enviar ou procurar",
        "Só uma emissão assinada ou enviada os tem.",
        "Veja a emissão de novo.",
    ),
    "token_not_switchable": (
        "O token não pode ser parado nem retomado assim",
        "Já está parado, em marcha ou mudando, ou falta a outra pessoa. Nada foi alterado.",
        "Veja a página do token: ela diz o que está em curso e quem pode fazer o quê.",
    ),
    "mint_not_closable": (
        "A ordem não pode ser encerrada por esta emissão",
        "Só uma emissão que falhou encerra uma ordem.",
        "Veja a emissão de novo.",
    ),
    "refresh_token_reused": (
        "O token de renovação já foi usado",
        "Cada um vale para uma troca. Um segundo uso significa que dois o têm; por isso a sessão foi encerrada.",
        "Entre com a carteira de novo e descubra quem mais tem o token.",
    ),
    "insufficient_scope": (
        "Esta credencial não pode fazer isso",
        "A chave ou sessão não tem o escopo de que esta operação precisa.",
        _KEY,
    ),
    "address_not_allowed": (
        "Esta chave não pode ser usada do seu endereço",
        "A chave tem uma lista de redes, e a requisição veio de fora dela.",
        "Envie de uma rede listada, ou altere a lista da chave.",
    ),
    "permission_denied": ("Não permitido", "Esta credencial não pode fazer isso.", _KEY),
    "not_a_customer": (
        "Este login não tem cliente",
        "O login não é de um cliente (é da equipe, por exemplo).",
        "Use a credencial de um cliente.",
    ),
    "login_disabled": ("Este login está desativado", "Nossa equipe o desativou.", "Escreva para o suporte."),
    "api_key_unknown": (
        "Não existe essa chave de API",
        "A chave não existe, terminou ou é de outra pessoa.",
        "Liste suas chaves, ou crie uma nova.",
    ),
    "api_key_invalid": (
        "A chave de API não pode ser criada assim",
        "O nome, os escopos ou as redes não são válidos.",
        "Corrija o que o detalhe indica.",
    ),
    "webhook_refused": (
        "A assinatura não cobre este corpo",
        "Uma notificação recebida não foi assinada pelo fornecedor.",
        "Só fornecedores chamam este endereço.",
    ),
    "webhook_signature_invalid": (
        "A assinatura do webhook não é válida",
        "Uma notificação recebida não foi assinada pelo fornecedor.",
        "Só fornecedores chamam este endereço.",
    ),
    "webhook_keys_unavailable": (
        "As chaves para conferir este webhook não estão disponíveis agora; envie de novo",
        "As chaves públicas do fornecedor não respondem.",
        "Envie de novo mais tarde.",
    ),
    "custody_not_retryable": (
        "Só um registro de custódia que falhou pode ser tentado de novo",
        "O registro ainda está a caminho, ou completo.",
        "Nada: veja o status dele.",
    ),
    "wallet_checksum_invalid": (
        "O endereço da carteira não é válido",
        "Não é um endereço na forma EIP-55: uma letra errada não pode custar uma emissão.",
        "Copie-o da carteira: maiúsculas e minúsculas fazem parte dele.",
    ),
    "signature_invalid": (
        "A assinatura não é desta carteira",
        "Foi feita por outra chave, sobre outro texto, ou numa forma que não aceitamos.",
        _AGAIN,
    ),
    "challenge_unknown": (
        "Não há nada para assinar neste navegador",
        "O desafio não foi fornecido por nós a este chamador.",
        _AGAIN,
    ),
    "challenge_used": ("Isto já foi assinado e usado", "Cada texto vale para uma tentativa.", _AGAIN),
    "challenge_expired": ("A assinatura demorou demais", "Um texto vale por cinco minutos.", _AGAIN),
    "wallet_taken": (
        "Esta carteira pertence a outro cliente",
        "Uma carteira fica ligada a um só cliente, para sempre.",
        "Use outra carteira, ou entre com esta.",
    ),
    "chain_not_supported": (
        "A carteira está em outra rede",
        "A entrada é feita na rede em que emitimos.",
        "Mude a carteira para a rede que o detalhe indica.",
    ),
    "chain_unavailable": (
        "A rede não pode ser consultada agora",
        "Nossos nós da rede não respondem.",
        "Tente de novo após `Retry-After` segundos.",
    ),
    "tax_id_taken": (
        "Este CPF ou RUC já está cadastrado",
        "Outro cliente o tem.",
        "Entre com a carteira usada antes, ou escreva para o suporte.",
    ),
    "kyc_not_open": (
        "A verificação de identidade não pode ser alterada agora",
        "Já temos um pedido, ou a resposta é definitiva.",
        "Espere a resposta.",
    ),
    "confirmation_invalid": (
        "Este link não funciona mais",
        "Foi usado, substituído por um mais novo, ou é antigo demais.",
        "Peça um novo link.",
    ),
    "profile_invalid": (
        "Falta algo ou algo não está certo",
        "Nome, e-mail ou país não está como precisamos.",
        "Corrija o que o detalhe indica.",
    ),
    "tax_id_invalid": (
        "O CPF ou RUC não é válido",
        "Os dígitos verificadores não conferem.",
        "Confira os dígitos.",
    ),
    "consent_missing": (
        "Leia e aceite os avisos",
        "Um dos textos atuais não foi aceito.",
        "Mostre `GET /api/v1/disclosures` e envie os ids que o cliente aceitou.",
    ),
    "kyc_not_approved": (
        "Sua verificação de identidade ainda não foi aprovada",
        "Só clientes aprovados podem comprar.",
        "Espere a resposta; `GET /api/v1/users/me` a mostra.",
    ),
    "on_hold": (
        "As negociações estão suspensas",
        "O cliente, o ativo ou tudo está em pausa. Nada se perdeu.",
        "Espere: nossa equipe já sabe.",
    ),
    "no_tier": (
        "Sua conta ainda não tem limites definidos",
        "O cadastro não está completo.",
        "Complete-o, ou escreva para o suporte.",
    ),
    "wallet_not_registered": (
        "Esta carteira não é sua",
        "Os tokens só vão para uma carteira que o cliente provou ser sua.",
        "Adicione a carteira à conta antes.",
    ),
    "daily_limit_reached": (
        "Isto é mais do que você pode comprar hoje",
        "A ordem está acima do que resta do limite do dia.",
        "Peça menos, ou espere a renovação que `GET /api/v1/limits` indica.",
    ),
    "portfolio_cap_reached": (
        "Isto é mais do que você pode ter",
        "A ordem está acima do que resta do teto da carteira.",
        "Peça menos, ou solicite um nível maior.",
    ),
    "below_lot_minimum": (
        "A quantidade está abaixo do seu mínimo",
        "O nível do cliente tem um mínimo por ordem.",
        "Peça ao menos o que o detalhe indica.",
    ),
    "client_order_id_reused": (
        "Este client_order_id foi usado em outra ordem",
        "Um id nomeia uma ordem para sempre.",
        "Use um novo para uma ordem nova.",
    ),
    "order_not_cancellable": (
        "Esta ordem não pode mais ser cancelada",
        "Foi executada, rejeitada ou expirou.",
        "Leia a ordem: o status diz o que houve com ela.",
    ),
    "unknown_asset": (
        "Este ativo não é oferecido",
        "Não temos ativo com esse símbolo.",
        "`GET /api/v1/assets` lista o que é oferecido.",
    ),
    "asset_not_tradable": ("Este ativo não pode ser comprado agora", "Está em pausa.", "Tente mais tarde."),
    "quantity_too_small": (
        "A quantidade está abaixo do mínimo",
        "Cada ativo tem um mínimo por ordem.",
        "Peça ao menos o que o detalhe indica.",
    ),
    "quantity_too_large": (
        "A quantidade está acima do máximo",
        "Cada ativo tem um máximo por ordem.",
        "Peça menos, ou em partes.",
    ),
    "busy": (
        "Pedidos demais ao mesmo tempo",
        "Outros alteraram as mesmas linhas no mesmo momento, repetidas vezes. O seu não alterou nada.",
        "Tente de novo após `Retry-After` segundos, como está.",
    ),
    "database_unavailable": (
        "Não podemos guardar nada agora",
        "Nosso banco de dados não pode ser alcançado, ou não aceita mais nada. A culpa não é do seu pedido.",
        "Tente de novo em alguns segundos, como está. Ordens com o mesmo `client_order_id` não se repetem.",
    ),
    "price_unavailable": (
        "Não temos um preço recente agora",
        "O limite é contado a um preço do último minuto, e não há. Nada foi pedido.",
        "Tente de novo após `Retry-After` segundos.",
    ),
    "login_unknown": (
        "Não existe esse login",
        "O nome ou e-mail não é de ninguém.",
        "Confira-o.",
    ),
    "sign_in_again": (
        "Entre de novo primeiro",
        "O que você pede exige uma entrada dos últimos minutos.",
        "Entre de novo e repita.",
    ),
    "deletion_not_open": (
        "Não há pedido aberto para excluir esta conta",
        "Não há nenhum, ou foi decidido ou retirado.",
        "Peça a exclusão primeiro.",
    ),
    "deletion_blocked": (
        "A conta ainda não pode ser encerrada",
        "Algo da conta ainda está a caminho ou em custódia.",
        "Faça o que o detalhe indica e peça de novo.",
    ),
    "second_person_needed": (
        "É preciso uma segunda pessoa",
        "Quem pediu não pode também aprovar.",
        "Peça a um colega que aprove.",
    ),
    "second_factor_needed": (
        "É preciso um segundo fator recente",
        "O último código foi dado há muito tempo.",
        "Dê um novo código e repita.",
    ),
    "webhook_url_refused": (
        "Não podemos enviar webhooks para esta URL",
        "Não é https, ou o nome leva a um endereço que não é público.",
        "Dê uma URL https pública na porta 443 ou 8443.",
    ),
    "event_type_unknown": (
        "Não existe esse tipo de evento",
        "`event_types` indica um que não temos.",
        "docs/asyncapi.yaml os lista.",
    ),
    "event_cursor_unknown": (
        "Não existe esse evento a partir do qual continuar",
        "`after` não é o id de um evento deste cliente.",
        "Use o `next_after` da página anterior, como veio.",
    ),
    "too_many_endpoints": (
        "Você já tem todos os endpoints permitidos",
        "Há um limite de endpoints por cliente.",
        "Exclua um antes.",
    ),
    "endpoint_not_active": (
        "O endpoint está desativado",
        "Nada é enviado a um endpoint desativado.",
        "Ative-o primeiro.",
    ),
    "rotation_open": (
        "A última troca do segredo ainda não terminou",
        "Dois segredos já estão assinando.",
        "Espere até `previous_secret_until`, ou troque com sobreposição 0.",
    ),
    "reserve_report_unknown": (
        "Não existe esse relatório de reservas",
        "Nenhum relatório publicado tem esse ativo e número.",
        "`GET /api/v1/reserves/reports` os lista.",
    ),
    "reserve_report_refused": (
        "Isto não pode ser feito com este relatório de reservas",
        "Ele não está nessa etapa, ou o prazo acabou.",
        "Veja o status dele.",
    ),
    "inclusion_proof_unknown": (
        "Este endereço não está no último relatório de reservas",
        "Ele não tinha tokens no bloco do relatório.",
        "Confira o endereço, ou espere o próximo relatório.",
    ),
    "break_refused": (
        "Isto não pode ser feito com esta diferença",
        "Está encerrada, ou não está nessa etapa.",
        "Veja o status dela.",
    ),
    "rate_refused": (
        "Esta não é uma taxa que possa ser mantida",
        "A taxa de câmbio está fora do intervalo, ou é mais antiga que a última.",
        "Confira-a.",
    ),
    "proposal_refused": (
        "Esta proposta não pode ser decidida nem executada",
        "Ela foi decidida, venceu, ou aquilo de que trata mudou.",
        "Veja-a de novo e, se preciso, proponha outra vez.",
    ),
    "reason_has_tax_id": (
        "O motivo contém um CPF ou RUC",
        "Motivos são guardados às claras; CPF e RUC, nunca.",
        "Escreva o motivo sem ele.",
    ),
    "second_factor_exists": (
        "Já existe um segundo fator",
        "Um login tem um só.",
        "Use-o, ou peça que o redefinam.",
    ),
    "second_factor_invalid": (
        "O código não está certo",
        "Foi digitado errado, já usado, ou seu meio minuto acabou.",
        "Dê o código que o aplicativo mostra agora.",
    ),
    "switch_refused": (
        "Isto não pode ser pausado nem retomado",
        "Não nomeia nada que possa ser pausado, você já o pausou, ou retomá-lo exige duas pessoas.",
        "Leia o detalhe; as retomadas são propostas no console.",
    ),
}
