#include "email_account_validity.h"

MODAPI_MODULE(EmailAccountValidity)
