import { s3Faults } from '../../integration/storage/s3-faults';
import { storageContract } from '../../integration/storage/contract';
import { s3UnderTest } from '../../integration/storage/s3-under-test';
import { startSwift } from '../../services/s3/swift';

storageContract('Swift', () => s3UnderTest(startSwift, { listsUploads: true }));
s3Faults('Swift', startSwift, { listsUploads: true, checksSignatures: true });
