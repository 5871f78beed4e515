#include "synapse_auto_accept_invite.h"

MODAPI_MODULE(InviteAutoAccepter)
