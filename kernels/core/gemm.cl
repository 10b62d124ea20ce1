/* C[m,n] = A[m,k] W[n,k]^T, four rows of A a work item: each of W's rows is read once for them. */
__kernel void gemm(__global const float *a, __global const float *w, __global float *c, int m, int n, int k)
{
	int j = get_global_id(0), i = get_global_id(1) * 4, rows = min(4, m - i);
	__global const float *row = w + (long)j * k;
	float16 sum[4];
	float rest[4];
	int l = 0;

	for (int r = 0; r < 4; r++) {
		sum[r] = 0;
		rest[r] = 0;
	}
	for (; l + 16 <= k; l += 16) {
		float16 x = vload16(0, row + l);

		for (int r = 0; r < rows; r++)
			sum[r] = fma(x, vload16(0, a + (long)(i + r) * k + l), sum[r]);
	}
	for (; l < k; l++)
		for (int r = 0; r < rows; r++)
			rest[r] = fma(row[l], a[(long)(i + r) * k + l], rest[r]);
	for (int r = 0; r < rows; r++) {
		float8 part8 = sum[r].lo + sum[r].hi;
		float4 part4 = part8.lo + part8.hi;
		float2 part2 = part4.lo + part4.hi;

		c[(long)(i + r) * n + j] = part2.x + part2.y + rest[r];
	}
}

/* One row of A. */
__kernel void gemv(__global const float *a, __global const float *w, __global float *c, int k)
{
	int j = get_global_id(0), l = 0;
	__global const float *row = w + (long)j * k;
	float16 sum = 0;
	float rest = 0;

	for (; l + 16 <= k; l += 16)
		sum = fma(vload16(0, row + l), vload16(0, a + l), sum);
	for (; l < k; l++)
		rest = fma(row[l], a[l], rest);
	float8 part8 = sum.lo + sum.hi;
	float4 part4 = part8.lo + part8.hi;
	float2 part2 = part4.lo + part4.hi;

	c[j] = part2.x + part2.y + rest;
}
