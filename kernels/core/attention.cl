/* Decode over a paged cache [blocks][kv_heads][block][dim]: one work item a (sequence, head), online softmax. */
__kernel void decode(__global const float *q, __global const float *keys, __global const float *values, __global const int *tables,
		     __global float *out, int heads, int kv_heads, int dim, int block, int blocks_each, int kv_len, int window, float scale)
{
	int head = get_global_id(0), s = get_global_id(1), kv_head = head / (heads / kv_heads);
	__global const float *mine = q + ((long)s * heads + head) * dim;
	__global float *acc = out + ((long)s * heads + head) * dim;
	float most = -INFINITY, sum = 0;
	int begin = window > 0 && kv_len > window ? kv_len - window : 0;

	for (int d = 0; d < dim; d++)
		acc[d] = 0;
	for (int t = begin; t < kv_len; t++) {
		long at = (((long)tables[(long)s * blocks_each + t / block] * kv_heads + kv_head) * block + t % block) * dim;
		float score = 0, now, keep, p;

		for (int d = 0; d < dim; d++)
			score = fma(mine[d], keys[at + d], score);
		score *= scale;
		now = fmax(most, score);
		keep = exp(most - now);
		p = exp(score - now);
		sum = sum * keep + p;
		most = now;
		for (int d = 0; d < dim; d++)
			acc[d] = fma(p, values[at + d], acc[d] * keep);
	}
	for (int d = 0; d < dim; d++)
		acc[d] /= sum;
}
