#include "synapse_http_antispam.h"

MODAPI_MODULE(HTTPAntispam)
