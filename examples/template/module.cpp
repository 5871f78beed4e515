#include "forbidden_words.h"

MODAPI_MODULE(ForbiddenWords)
