"""I_AccountManager_Service: registration, certificates, porting and out-of-office notes."""
