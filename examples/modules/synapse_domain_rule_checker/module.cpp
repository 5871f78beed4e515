#include "synapse_domain_rule_checker.h"

MODAPI_MODULE(DomainRuleChecker)
