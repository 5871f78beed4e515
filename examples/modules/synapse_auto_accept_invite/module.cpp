#include "invite_auto_accepter.h"

MODAPI_MODULE(InviteAutoAccepter)
