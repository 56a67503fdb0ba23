// All of random numbers in one place: keys, draws, and the distributions that are made of them.
import { choice, permutation } from "./choosing";
import { random as draws } from "./random";
import { bernoulli, categorical, exponential, multivariateNormal } from "./variates";

export const random = { ...draws, exponential, bernoulli, categorical, permutation, choice, multivariateNormal };
