Console.Error.WriteLine("crisp-sandbox is started by crisp, never by hand.");
return 64;
