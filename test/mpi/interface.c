/* What IOR offers to backends, for drivers without IOR: errors, warnings, and the parsing of options. */
#include "aiori.h"

#include <stdarg.h>

FILE* out_logfile;
int rank;
MPI_Comm testComm;
int warnings;

void end_with_error(const char* file, int line, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(out_logfile, "ERROR: ");
    vfprintf(out_logfile, format, arguments);
    fprintf(out_logfile, " (%s:%d)\n", file, line);
    fflush(out_logfile);
    va_end(arguments);
    MPI_Abort(MPI_COMM_WORLD, 1);
    abort();
}

void warn(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fprintf(out_logfile, "WARNING: ");
    vfprintf(out_logfile, format, arguments);
    fprintf(out_logfile, "\n");
    fflush(out_logfile);
    va_end(arguments);
    ++warnings;
}

static bool take_value(const option_help* o, char* value) {
    switch (o->type) {
    case 's':
        *(char**)o->variable = value;
        return true;
    case 'd':
        *(int*)o->variable = atoi(value);
        return true;
    case 'l':
        *(long long*)o->variable = atoll(value);
        return true;
    default:
        end_with_error(__FILE__, __LINE__, "option %s has the unknown type %c", o->longVar, o->type);
    }
}

int take_backend_option(option_help* table, char* argument, char* next) {
    char* const equals = strchr(argument, '=');
    const size_t length = equals != NULL ? (size_t)(equals - argument) : strlen(argument);
    for (option_help* o = table; o->longVar != NULL; ++o) {
        if (strlen(o->longVar) + 2 != length || strncmp(argument + 2, o->longVar, length - 2) != 0) continue;
        if (o->help == NULL || o->variable == NULL ||
            (o->arg == OPTION_FLAG && (o->type != 'd' || equals != NULL)))
            end_with_error(__FILE__, __LINE__, "the table of the backend is wrong at %s", o->longVar);
        if (o->arg == OPTION_FLAG) {
            ++*(int*)o->variable;
            return 1;
        }
        if (equals == NULL && next == NULL)
            end_with_error(__FILE__, __LINE__, "option %s needs a value", o->longVar);
        take_value(o, equals != NULL ? equals + 1 : next);
        return equals != NULL ? 1 : 2;
    }
    return 0;
}
