#include "sim/train/finish.h"

#include <math.h>
#include <string.h>

#include "sim/train/stage.h"

/* Shares of peak: memory by the optimizer's element-wise kernels, arithmetic by its matrix products. */
static const double OPTIMIZER_BANDWIDTH = 0.8, OPTIMIZER_ARITHMETIC = 0.5;
static const double HOST_MEMORY_BYTES_S = 20e9;        /* of the CPU optimizer, a device's share of a node: typical, recalled */

void train_stage_memory(const struct train_setup *s, int stage, double in_flight, const struct training_parameters *stages,
			const struct training_activations *a, struct training_memory *out)
{
	struct training_memory_options o = s->memory;

	/* 1f1b holds one fewer on each later stage, two chunks fewer where they are interleaved (Narayanan et al. 2021, section 2.2);
	 * other schedules are taken as even. */
	o.in_flight = in_flight;
	if (!s->schedule->split && s->schedule->order && strcmp(s->schedule->name, "gpipe") != 0)
		o.in_flight = s->vp == 1 ? fmin((double)s->micros, (double)(s->pp - stage)) : fmin(in_flight, (double)(2 * (s->pp - stage - 1) + (s->vp - 1) * s->pp + 1));
	training_memory_of(&o, &stages[stage], a, out);
	if (s->schedule->chunks == CHUNKS_BOTH) {
		struct training_memory mirrored;

		training_memory_of(&o, &stages[s->pp - 1 - stage], a, &mirrored);
		out->weights += mirrored.weights, out->gradients += mirrored.gradients;
		out->peak_bytes += mirrored.weights + mirrored.gradients;
	}
}

double train_host_capacity(const struct train_setup *s)
{
	const struct system *y = s->parts->system;

	return y->host.dram_bytes > 0 && y->devices_per_node > 0 ? y->host.dram_bytes / (double)y->devices_per_node : INFINITY;
}

void train_end_add(const struct train_setup *s, const struct training_parameters *n, double gather_s, double forward_s, struct train_end *end)
{
	const struct device *d = s->parts->device;
	double rate = device_bandwidth(d) * OPTIMIZER_BANDWIDTH, flops = device_peak(d, DTYPE_BF16, NULL) * OPTIMIZER_ARITHMETIC;
	double shard = s->memory.zero >= 1 ? (double)s->shard_ranks : 1, seconds;

	seconds = (n->step_bytes / shard + n->trainable * s->memory.grad_bytes * s->parts->stack->grad_sweeps) / rate + n->matrix_flops / shard / flops;
	if (s->memory.offload_optimizer)
		seconds = n->step_bytes / shard / HOST_MEMORY_BYTES_S +
			  n->trainable / shard * (s->memory.grad_bytes + s->memory.weight_bytes) / train_host_rate(s);
	end->optimizer_s = fmax(end->optimizer_s, seconds);
	/* Behind the first forward pass of the next step, where the software can. */
	end->gather_s = fmax(end->gather_s, gather_s * (1 - s->dp_overlap) + fmax(0, gather_s * s->dp_overlap - forward_s));
}

double train_data_s(const struct train_setup *s)
{
	return s->job->run.data_s_per_token * (double)(s->job->batch.micro * s->micros * s->job->batch.sequence);
}

/* n devices whose times scatter by sigma: the expected largest of n normal deviates, about sqrt(2 ln n). */
double train_slowest(const struct train_setup *s)
{
	double own = s->job->run.straggler_sigma, sigma = isnan(own) ? s->parts->stack->straggler_sigma : own, n = (double)s->devices;

	return n > 1 ? 1 + sigma * sqrt(2 * log(n)) : 1;
}

double train_step_s(const struct train_setup *s, double pipeline_s, const struct train_end *end)
{
	return (pipeline_s + end->optimizer_s + end->gather_s + train_data_s(s) + s->parts->stack->step_s) * train_slowest(s);
}
