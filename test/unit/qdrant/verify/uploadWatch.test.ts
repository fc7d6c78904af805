import { describe, expect, it } from 'vitest';

import { UploadWatch } from '../../../../engine/qdrant/verify/uploadWatch';

describe('a cancel of a test restore', () => {
	const begun = () => {
		const outer = new AbortController();
		return { outer, watch: new UploadWatch(outer.signal) };
	};

	it('comes at once while a snapshot is being sent', () => {
		const { outer, watch } = begun();
		watch.progress({ bytes: 10, totalBytes: 100 });
		outer.abort();
		expect([watch.signal.aborted, watch.isInDoubt]).toEqual([true, false]);
		watch.close();
	});

	it('waits for a server that has got everything', () => {
		const { outer, watch } = begun();
		watch.progress({ bytes: 100, totalBytes: 100 });
		outer.abort();
		expect([watch.signal.aborted, watch.isInDoubt]).toEqual([false, true]);
		watch.settled();
		expect(watch.isInDoubt).toBe(false);
		watch.close();
	});

	it("comes before the next of a cluster's shards", () => {
		const { outer, watch } = begun();
		watch.progress({ bytes: 100, totalBytes: 100 });
		outer.abort();
		watch.progress({ bytes: 1, totalBytes: 100 });
		expect(watch.signal.aborted).toBe(true);
		watch.close();
	});

	it('is there from the beginning where it came before', () => {
		expect(new UploadWatch(AbortSignal.abort()).signal.aborted).toBe(true);
	});
});
