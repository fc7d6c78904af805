/**
 * What storages can do or not, found out by trying it on scratch objects. A storage says nothing of what makes no sense for
 * it: there is no case in the keys of a bucket that could get lost.
 */
export interface StorageFeatures {
	/** Uploads in parts, by which archives of any length go into a bucket. */
	uploads?: boolean;
	/** Unfinished uploads are listed, so that what a killed run left can be removed. */
	listsUploads?: boolean;
	/** An object is created only where there is none, whoever else tries at that moment. */
	createOnly?: boolean;
	/** Objects are copied without their bytes being read and written again. */
	copies?: boolean;
	/** Older versions stay after a deletion. */
	keepsVersions?: boolean;
	/** Objects can be protected from deletion for some time. */
	objectLock?: boolean;
	/** For how long a bucket locks each new object by a rule of its own, in words: `COMPLIANCE, 30 days`. */
	locksAll?: string;
	/** Tags of objects. */
	tags?: boolean;
	/** `A` and `a` are two names. */
	caseSensitive?: boolean;
	/** Whether it was there before anything was written. */
	existed?: boolean;
	/** Where it lies does not outlast a restart: in memory, or in the layer of a container that goes with it. */
	isFleeting?: 'memory' | 'container';
}
