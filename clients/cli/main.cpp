#include "program.hpp"

int main(int argc, char** argv) { return benchfs::cli::run_program(argc, argv); }
