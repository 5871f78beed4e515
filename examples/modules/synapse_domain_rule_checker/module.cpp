#include "domain_rule_checker.h"

MODAPI_MODULE(DomainRuleChecker)
