"""The SOAP services, one module per service of the WSDL."""
