import { storageContract } from '../../integration/storage/contract';
import { s3Faults } from '../../integration/storage/s3-faults';
import { s3UnderTest } from '../../integration/storage/s3-under-test';
import { startSwift } from '../../services/s3/swift';
import { withMinio } from './minio';

storageContract('Swift', () => s3UnderTest(startSwift, { listsUploads: true }));
s3Faults('Swift', startSwift, { listsUploads: true, checksSignatures: true });

withMinio();
