/* A process to move around: it sleeps with two more threads until it is ended. Prints its id and then theirs,
 * a line each, and closes its output once all are there. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define THREADS 2

static void *sleep_on(void *there)
{
	printf("%d\n", gettid());
	pthread_barrier_wait(there);
	for (;;)
		pause();
	return NULL;
}

int main(void)
{
	pthread_barrier_t there;
	pthread_t thread;

	printf("%d\n", getpid());
	for (int i = 0; i < THREADS; i++) {
		if (pthread_barrier_init(&there, NULL, 2) != 0 ||
			pthread_create(&thread, NULL, sleep_on, &there) != 0)
			return 1;
		pthread_barrier_wait(&there);
	}
	if (fclose(stdout) != 0)
		return 1;
	for (;;)
		pause();
}
