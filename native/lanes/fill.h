// Who fills which part of an instruction set's table.
#pragma once
#include "lanes.h"

namespace backsolve::BS_ISA {

void fill_map(LanesTable&);
void fill_reduce(LanesTable&);
void fill_pack(LanesTable&);
void fill_cholesky(LanesTable&);
void fill_cholesky_vjp(LanesTable&);
void fill_triangular(LanesTable&);
void fill_matmul(LanesTable&);
void fill_lu(LanesTable&);
void fill_determinant(LanesTable&);
void fill_lstsq(LanesTable&);
void fill_random(LanesTable&);

}  // namespace backsolve::BS_ISA
