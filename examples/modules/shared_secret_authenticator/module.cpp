#include "shared_secret_auth_provider.h"

MODAPI_MODULE(SharedSecretAuthProvider)
