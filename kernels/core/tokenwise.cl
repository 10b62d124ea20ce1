__kernel void rmsnorm(__global const float *x, __global const float *weight, __global float *out, int n, float eps)
{
	long row = (long)get_global_id(0) * n;
	float sum = 0, scale;

	for (int j = 0; j < n; j++)
		sum = fma(x[row + j], x[row + j], sum);
	scale = 1 / sqrt(sum / n + eps);
	for (int j = 0; j < n; j++)
		out[row + j] = x[row + j] * scale * weight[j];
}

/* Gate and up lie side by side in a row, n of each. */
__kernel void swiglu(__global const float *both, __global float *out, int n)
{
	long i = get_global_id(0), row = i / n * 2 * n, j = i % n;
	float gate = both[row + j];

	out[i] = gate / (1 + exp(-gate)) * both[row + n + j];
}

__kernel void copy(__global const float *x, __global float *out)
{
	long i = get_global_id(0);

	out[i] = x[i];
}
