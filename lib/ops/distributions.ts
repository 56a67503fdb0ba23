// All of random numbers in one place: keys, draws, and the distributions that are made of them.
import { choice, permutation } from "./choosing";
import { beta, gamma, poisson, studentT } from "./gammas";
import { random as draws } from "./random";
import { bernoulli, categorical, exponential, multivariateNormal } from "./variates";

export const random = {
  ...draws,
  exponential,
  gamma,
  beta,
  studentT,
  poisson,
  bernoulli,
  categorical,
  permutation,
  choice,
  multivariateNormal,
};
