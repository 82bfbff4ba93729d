/* GET and POST /_berth/accounts: the installation's accounts with their root keys, and a new one. */
#pragma once

#include "edge/front.h"

/* Answers {"accounts": [{"accountId", "accessKeyId", "secretAccessKey"}]}. Only for who bears the control token. */
void accounts_list(const struct front_options *options, struct http_exchange *exchange);

/* Makes an account, `id` or one of twelve random digits when that is absent, and answers with it as accounts_list has
 * it; 409 when there is such an account, 400 when the id is none. The same. */
void accounts_create(const struct front_options *options, struct http_exchange *exchange, struct str id);
