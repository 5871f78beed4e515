#include "shared_secret_authenticator.h"

MODAPI_MODULE(SharedSecretAuthProvider)
