const char* what_lies_beside();

const char* what_lies_beside() { return "a library"; }
